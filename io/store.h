/* The store: artifacts as HDF5 files, written and read by all ranks, and units as small files.
 *
 * An artifact is a list of fields (kernels/base/fields.h) plus texts (data sets of the group
 * "texts"). Rank 0 shapes the file; all ranks write and read the bulk in it, chunked, shuffled,
 * deflated, with Fletcher-32 checksums, at the places that rank 0 gives. No call of HDF5 is
 * collective, so none can hang when it fails on one rank. The file's bytes do not depend on the
 * number of ranks. It is written under a temporary name, synced and renamed. A field whose
 * `origin` names a data set of an older artifact in the same folder is stored as an external link
 * to it. HDF5's file locking is off: the rename keeps files whole, on NFS and Lustre too. */
#ifndef SEGUE_IO_STORE_H
#define SEGUE_IO_STORE_H

#include "kernels/base/comm.h"
#include "kernels/base/fields.h"
#include "kernels/numeric/hash.h"
#include "kernels/numeric/rows.h"

enum { STORE_VERSION = 1 };

/* A text of the artifact, such as "key", "kind", "options" (JSON), "summary" (JSON). */
typedef struct StoreText {
  char *name, *text;
} StoreText;

typedef struct StoreTexts {
  int64_t n;
  StoreText *items;
} StoreTexts;
void store_texts_clear(StoreTexts *texts);
const char *store_text(const StoreTexts *texts, const char *name); /* NULL when absent */

/* Write an artifact.
 * path    final name; the temporary one is path + ".tmp", overwritten
 * rows    the rows that distributed fields share, whole blocks; NULL when there are none
 * texts   same on all ranks; NULL: none
 * fields  the same names, types and order on all ranks; no name begins with "texts/"
 * Collective. Fails with IO (agreed; names path and the system's reason), MEMORY, INVALID when a
 * name or an extent cannot be stored. After a failure the temporary file is removed and an old
 * file of that name untouched. */
CHECKED Status store_write_all(const Comm *comm, const char *path, const StoreTexts *texts,
                               const Fields *fields, const Rows *rows);

/* Read an artifact back onto any number of ranks.
 * texts, out  the caller clears them; out is an IN list; fields read get origin "FILE:PATH", FILE
 *             being path's last part
 * rows        out: the rows of distributed fields for this rank; n_global -1 when there are none
 * Collective. Fails with IO when it or a file it links to cannot be read, FORMAT when it is no
 * artifact, of another STORE_VERSION, truncated or damaged; messages name path and field; agreed.
 * MEMORY. */
CHECKED Status store_read_all(const Comm *comm, const char *path, StoreTexts *texts, Fields *out,
                              Rows *rows);

/* The texts alone, without the arrays. Collective (rank 0 reads, all get them). */
CHECKED Status store_read_texts_all(const Comm *comm, const char *path, StoreTexts *texts);

/* Content hash: every field's name, type, global shape and values in row order, one form of NaN;
 * no texts, no chunking, no ranks. Distributed fields are hashed
 * block of rows by block of rows, so all ranks share the work and any number gives the same.
 * Fields are hashed in order of name. Collective. Fails with MEMORY. */
CHECKED Status store_hash_all(const Comm *comm, const Fields *fields, const Rows *rows, Hash *out);

/* Finished units: replicated fields in one small file with a checksum; written under a temporary
 * name and renamed. Local. Write fails with IO; read with IO when absent, FORMAT when damaged. */
CHECKED Status store_write_unit(const char *path, const Fields *fields);
CHECKED Status store_read_unit(const char *path, Fields *out);

#endif
