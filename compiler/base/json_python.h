/* JSON as Python's json module writes it. */
#ifndef LATENTC_JSON_PYTHON_H
#define LATENTC_JSON_PYTHON_H
#include <stddef.h>

/* What stands for NaN in the text of json_from_python: a string of one control character, which no
 * file can have. */
#define JSON_NAN "\1"

/* Makes the text JSON where Python's writer leaves it, in place and at the same length, so that
 * positions stay: NaN becomes JSON_NAN in quotes, Infinity a number that is too large for a double,
 * and an escape that is half a surrogate pair, or \u0000, becomes \ufffd. */
void json_from_python(char *text, size_t len);

/* The first control character inside a string, which neither JSON nor Python has; NULL: none. */
const char *json_control_character(const char *text, size_t len);
#endif
