/* The JSON of a graph file, whatever file has it. */
#ifndef LATENTC_GRAPH_JSON_H
#define LATENTC_GRAPH_JSON_H
#include "json.h"

/* The JSON of the graph file at path: the file itself, or config.json of a .keras archive,
 * with everything that the file includes. The caller frees it. err() on any mistake; for a file of
 * HDF5, which people take for a model, with what to do. */
Json graph_json(const char *path);

/* Is the file a zip archive of a model, as Keras 3 saves them? By its name, or its first entries.
 * Then it also has the model's weights. False when it cannot be read. */
bool is_model_archive(const char *path);

/* The same by the first n bytes of the file. */
bool begins_model_archive(const char *path, const char *head, size_t n);
#endif
