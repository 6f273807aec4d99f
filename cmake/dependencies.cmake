# Finds what the build needs. Whatever is missing stops the configuration; tools/setup.sh knows the names of packages.
find_package(PkgConfig QUIET)
if(NOT PkgConfig_FOUND)
    message(FATAL_ERROR "pkg-config is missing: run tools/setup.sh")
endif()

# latentc_require(TARGET module...): the first of these modules of pkg-config that is there.
function(latentc_require prefix)
    pkg_search_module(${prefix} QUIET IMPORTED_TARGET GLOBAL ${ARGN})
    if(NOT ${prefix}_FOUND)
        list(JOIN ARGN " or " modules)
        message(FATAL_ERROR "pkg-config does not find ${modules}: run tools/setup.sh, or install the library's development package")
    endif()
endfunction()

latentc_require(LATENTC_PNG libpng)
latentc_require(LATENTC_JPEG libjpeg)
latentc_require(LATENTC_ZLIB zlib)
latentc_require(LATENTC_PCRE2 libpcre2-8)
latentc_require(LATENTC_UTF8PROC libutf8proc)

find_package(OpenMP COMPONENTS C)
if(NOT OpenMP_C_FOUND)
    message(FATAL_ERROR "${CMAKE_C_COMPILER} has no OpenMP: gcc brings it (libgomp); clang needs libomp of its version")
endif()

if(NOT LATENTC_RUNTIME_ONLY)
    latentc_require(LATENTC_CJSON libcjson)
    latentc_require(LATENTC_ZIP libzip)
    latentc_require(LATENTC_HDF5 hdf5-serial hdf5)
    latentc_require(LATENTC_CURL libcurl)
    latentc_require(LATENTC_CRYPTO libcrypto)
    include(cmake/llvm.cmake)
endif()
