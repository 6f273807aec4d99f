/* Keys and values of a picture's record, for its writer and its reader. Keys of settings are in
 * settings.def. */
#ifndef LATENTRT_METADATA_KEYS_H
#define LATENTRT_METADATA_KEYS_H

#define LRT_BEFORE_NEGATIVE "Negative prompt: "
#define LRT_BEFORE_FIELDS "Steps: "
#define LRT_KEY_INIT_IMAGE "Init image hash"
#define LRT_KEY_MASK "Mask hash"
#define LRT_KEY_LATENT "Latent hash"

/* How web interfaces write a value of a KEY setting (LRT_SETTING_*); value itself where they have
 * the same. */
const char *lrt_metadata_title(int setting, const char *value);
/* Our value for one that web interfaces write. NULL: we have no such value. */
const char *lrt_metadata_value(int setting, const char *title);
#endif
