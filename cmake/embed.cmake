# embed(TARGET NAME FILES...): files below the source folder become part of TARGET: embedded_file() of embedded.h finds them
# by their paths. What the compiler reads of its own must be there when its program alone is.
function(embed target)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_files.c)
    set(arrays "") # and one row for each
    set(rows "")
    set(number 0)
    foreach(path IN LISTS ARGN)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${path})
        file(READ ${PROJECT_SOURCE_DIR}/${path} bytes HEX)
        string(LENGTH "${bytes}" length)
        math(EXPR length "${length} / 2")
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
        string(APPEND arrays "static const unsigned char file_${number}[] = {${bytes}0};\n")
        string(APPEND rows "    {\"${path}\", (const char *)file_${number}, ${length}},\n")
        math(EXPR number "${number} + 1")
    endforeach()
    file(CONFIGURE OUTPUT ${source} CONTENT
"/* Made by cmake/embed.cmake. */
#include \"embedded.h\"
${arrays}
const EmbeddedFile embedded_files[] = {
${rows}    {0},
};
" @ONLY)
    target_sources(${target} PRIVATE ${source})
endfunction()
