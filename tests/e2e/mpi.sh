# For tests with MPI: source it after common.sh. Gives mpi_flags, mpi_run and mpis, the MPIs that are here.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # containers of CI run as root
mpis=()
for mpi in openmpi mpich; do
    command -v "mpicc.$mpi" >/dev/null && command -v "mpirun.$mpi" >/dev/null && mpis+=("$mpi")
done
[[ -n ${mpis[*]} ]] || skip "neither mpicc.openmpi nor mpicc.mpich (tools/setup.sh --tests)"

# mpi_run MPI RANKS COMMAND...: with more ranks than cores, too; ends after two minutes.
mpi_run() {
    local more=()
    [[ $1 == mpich ]] || more=(--oversubscribe)
    timeout 120 "mpirun.$1" "${more[@]}" -n "${@:2}"
}
