/* Artifacts between memory and store: which fields an artifact of each port type has. */
#ifndef SEGUE_PIPELINE_ARTIFACT_H
#define SEGUE_PIPELINE_ARTIFACT_H

#include "io/store.h"
#include "stage.h"

/* Begin an artifact of a kind's output type. Local.
 * maker, options  BUNDLE: the stage whose options hold the spec, which must outlive it: the stage
 *                 itself, or that of the bundle which it adjusts */
void artifact_init(Artifact *artifact, const StageKind *kind, const StageKind *maker,
                   const void *options, bool root);
void artifact_clear(Artifact *artifact);

/* Write with texts (key, kind, options, lineage, summary ...), to which "content" (32 digits) and
 * "links" (files that hold some of its columns, each between blanks) are added. Collective. On
 * success the table's columns know where they are stored, so that later artifacts link to them.
 * content  out: hash of the content, equal wherever the results are equal
 * Fails with IO, MEMORY; agreed. */
CHECKED Status artifact_write_all(const Comm *comm, const char *path, const StoreTexts *texts,
                                  Artifact *artifact, Hash *content);

/* Read into an artifact that artifact_init began. Collective. texts: the caller clears them.
 * Fails with IO, FORMAT, MEMORY; agreed. */
CHECKED Status artifact_read_all(const Comm *comm, const char *path, Artifact *artifact,
                                 StoreTexts *texts);

/* The same of what store_read_all has read, for those who find out from it what it is. Local. */
CHECKED Status artifact_take(Artifact *artifact, Fields *fields, const Rows *rows,
                             const StoreTexts *texts);

#endif
