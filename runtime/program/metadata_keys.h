/* Keys and values of a picture's record, for its writer and its reader. Keys of settings are in
 * settings.def. */
#ifndef LATENTRT_METADATA_KEYS_H
#define LATENTRT_METADATA_KEYS_H
#include <stdbool.h>

#define LRT_BEFORE_NEGATIVE "Negative prompt:"
#define LRT_BEFORE_FIELDS "Steps:"
#define LRT_OWN_VERSION "Version: latentc " /* in records of generators */
#define LRT_KEY_INIT_IMAGE "Init image hash"
#define LRT_KEY_MASK "Mask hash"
#define LRT_KEY_LATENT "Latent hash"
#define LRT_KEY_CACHE_LEVEL "Cache level"

/* How web interfaces write a value of a KEY setting (LRT_SETTING_*); value itself where they have
 * the same. */
const char *lrt_metadata_title(int setting, const char *value);
/* Our value for one that web interfaces write, in whatever case. NULL: we have no such value. */
const char *lrt_metadata_value(int setting, const char *title);
/* The setting that web interfaces record under this key, in whatever case; -1 for none. */
int lrt_metadata_setting(const char *key);
/* Whether other programs have a schedule of that name, so that a sampler's name may end with it:
 * "DPM++ 2M Karras", "euler_a discrete". */
bool lrt_metadata_is_schedule(const char *name);

/* Text chunks that programs write instead of a record, what they are, and what is in each of them;
 * with NULL at the end. */
typedef struct {
    const char *chunk, *what, *holds;
} lrt_other_record;
extern const lrt_other_record lrt_other_records[];
#endif
