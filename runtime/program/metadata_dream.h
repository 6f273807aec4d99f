/* What InvokeAI 1 and 2 record as text: the command line of a picture, in the chunk "Dream". */
#ifndef LATENTRT_METADATA_DREAM_H
#define LATENTRT_METADATA_DREAM_H

#define LRT_DREAM_CHUNK "Dream"

/* "a red circle [blue]" -s 25 -S 42 -W 512 -H 512 -C 7.5 -A k_lms, as a record of
 * metadata_fields.h. Parts of the prompt in brackets are the negative prompt. malloc'd; NULL when
 * memory is short. */
char *lrt_dream_record(const char *dream);
#endif
