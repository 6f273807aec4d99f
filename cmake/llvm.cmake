# Finds LLVM: the newest from 19 to 22, or the one of -DLATENTC_LLVM=VERSION, or that of -DLATENTC_LLVM_CONFIG=FILE.
# Sets the target LatentcLLVM. What differs between the versions stands in compiler/emit/llvm_versions.c.
set(latentc_llvm_versions 22 21 20 19)
set(LATENTC_LLVM "" CACHE STRING "Major version of LLVM, 19 to 22; empty: the newest that is found")
set(LATENTC_LLVM_CONFIG "" CACHE FILEPATH "llvm-config of the LLVM to use; empty: looked for")
if(LATENTC_LLVM AND NOT LATENTC_LLVM IN_LIST latentc_llvm_versions)
    message(FATAL_ERROR "LATENTC_LLVM=${LATENTC_LLVM}: a major version from 19 to 22 is expected")
endif()

# What `llvm-config ARGUMENTS` prints; empty when it fails.
function(latentc_ask_llvm_config file result)
    execute_process(COMMAND ${file} ${ARGN} OUTPUT_VARIABLE text ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

# llvm-config of one major version: named after it, in the folders of Debian and Ubuntu, Fedora, Arch, Gentoo, or the plain one.
function(latentc_find_llvm major result)
    set(folders /usr/lib/llvm-${major} /usr/lib64/llvm${major} /usr/lib/llvm${major} /usr/lib/llvm/${major})
    foreach(name IN ITEMS llvm-config-${major} llvm-config${major} llvm-config llvm-config-64)
        unset(file)
        unset(file CACHE)
        find_program(file NAMES ${name} HINTS ${folders} PATH_SUFFIXES bin)
        if(file)
            latentc_ask_llvm_config(${file} version --version)
            if(version MATCHES "^${major}\\.")
                set(${result} ${file} PARENT_SCOPE)
                break()
            endif()
        endif()
    endforeach()
    unset(file CACHE)
endfunction()

set(latentc_llvm_config "${LATENTC_LLVM_CONFIG}")
foreach(major IN LISTS latentc_llvm_versions)
    if(NOT latentc_llvm_config AND (NOT LATENTC_LLVM OR LATENTC_LLVM EQUAL major))
        latentc_find_llvm(${major} latentc_llvm_config)
    endif()
endforeach()
if(NOT latentc_llvm_config)
    if(LATENTC_LLVM)
        message(FATAL_ERROR "LLVM ${LATENTC_LLVM} is missing: no llvm-config of this version was found. "
            "Debian and Ubuntu: apt-get install llvm-${LATENTC_LLVM}-dev. Elsewhere -DLATENTC_LLVM_CONFIG=FILE names it")
    endif()
    message(FATAL_ERROR "LLVM is missing: no llvm-config of a version from 19 to 22 was found. tools/setup.sh installs it; "
        "-DLATENTC_LLVM_CONFIG=FILE names one elsewhere")
endif()

latentc_ask_llvm_config(${latentc_llvm_config} latentc_llvm_version --version)
set(latentc_llvm_expected "(19|20|21|22)")
if(LATENTC_LLVM)
    set(latentc_llvm_expected ${LATENTC_LLVM})
endif()
if(NOT latentc_llvm_version MATCHES "^${latentc_llvm_expected}\\.")
    message(FATAL_ERROR "${latentc_llvm_config} belongs to LLVM \"${latentc_llvm_version}\"; "
        "a version that matches ${latentc_llvm_expected} is expected")
endif()
latentc_ask_llvm_config(${latentc_llvm_config} latentc_llvm_include --includedir)
latentc_ask_llvm_config(${latentc_llvm_config} latentc_llvm_folder --libdir)
latentc_ask_llvm_config(${latentc_llvm_config} latentc_llvm_library --link-shared --libfiles)
if(NOT EXISTS "${latentc_llvm_library}" OR NOT EXISTS "${latentc_llvm_include}/llvm-c/Core.h")
    message(FATAL_ERROR "LLVM ${latentc_llvm_version} has no shared library in ${latentc_llvm_folder} or no llvm-c/Core.h in "
        "${latentc_llvm_include}: install its development package, or name another llvm-config with -DLATENTC_LLVM_CONFIG=FILE")
endif()
# Debian keeps the library itself in the multiarch folder. Linking it there keeps LLVM's own folder out of the run path, where
# libomp poses as libgomp.so.1.
file(REAL_PATH ${latentc_llvm_library} latentc_llvm_library)
add_library(LatentcLLVM INTERFACE IMPORTED GLOBAL)
target_include_directories(LatentcLLVM SYSTEM INTERFACE ${latentc_llvm_include})
target_link_libraries(LatentcLLVM INTERFACE ${latentc_llvm_library})
message(STATUS "LLVM ${latentc_llvm_version}: ${latentc_llvm_library}")
