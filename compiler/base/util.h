/* Everything of base/ that most files need. New files include what they use. */
#ifndef LATENTC_UTIL_H
#define LATENTC_UTIL_H
#include <stdint.h>
#include "alloc.h"
#include "arena.h"
#include "buf.h"
#include "err.h"
#include "files.h"
#include "fnv.h"
#include "library_guard.h"
#include "numbers.h"
#include "outfile.h"
#include "reading.h"
#include "words.h"
#endif
