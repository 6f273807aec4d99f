/* The rows of checkpoint_formats[] (formats.c): recognises and open of each, by file. See checkpoint.h. */
#ifndef LATENTC_FORMATS_H
#define LATENTC_FORMATS_H
#include "checkpoint.h"
#endif
