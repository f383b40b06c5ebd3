/* What the files of the store share; see store.h for the contract and store_write.c for the layout
 * of an artifact. Nothing outside io/store*.c includes this. */
#ifndef SEGUE_IO_STORE_INTERNAL_H
#define SEGUE_IO_STORE_INTERNAL_H

#include <hdf5.h>
#include <stdbool.h>

#include "store.h"

/* The group of the texts; no field's name may begin with it. */
#define STORE_TEXTS "texts"

enum {
  STORE_COMPACT_BYTES = 32768, /* a smaller replicated field stands in its object header */
  STORE_FILTERS = 3,
  STORE_NAME_BYTES = 640 /* room for a field's path, as in kernels/base/fields.c */
};

/* ---- store.c ---- */

/* Items in one row of the first extent: the product of the inner extents. Local. */
int64_t store_inner(int dimensions, const int64_t *shape);
/* The i-th number of a field of per-row lengths (INTEGER, CODE, SHORT or BYTE). Local. */
int64_t store_length(const Field *field, int64_t i);
/* Sum of all lengths on this rank; -1 when one is negative or the sum overflows. Local. */
int64_t store_length_sum(const Field *field);
/* The field "length" beside a ragged one, fit to sum over n rows. Local. Fails with `code`. */
CHECKED Status store_find_length(const Fields *fields, const char *ragged, int64_t n, Status code,
                                 const Field **out);
/* A FORMAT failure at path: its last word is what to do. Local. */
Status store_damaged(const char *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The last part of a path. Local, borrowed. */
const char *store_base(const char *path);

/* Make *buffer at least need bytes long; what it held is lost. Local. Fails with MEMORY. */
CHECKED Status store_buffer(uint8_t **buffer, int64_t *capacity, int64_t need);

/* ---- store_file.c: HDF5's way to the file system ---- */

/* Forget earlier failures; switches off HDF5's own error printing. Local. */
void store_file_begin(void);
/* The system's reason (errno) for the first failure since begin, 0 when there was none. Local. */
int store_file_error(void);
/* From now on write nothing more: the file is going to be removed. Local. */
void store_file_abandon(void);
/* The type of a field's items in a file. Local, borrowed. */
hid_t store_type(FieldType type);
/* Open or create a file with our driver; < 0 on failure. Local. */
hid_t store_file_open(const char *path);
hid_t store_file_create(const char *path);
/* Give a chunk of a data set its place in the file, without writing its bytes; -1 on failure.
 * offset: the chunk's first item in each dimension. Local. */
int64_t store_file_reserve(hid_t dataset, const hsize_t *offset, uint32_t mask, int64_t bytes);
/* Where a chunk stands, without reading it; false when there is none. Local. */
bool store_file_locate(hid_t dataset, const hsize_t *offset, int64_t *address, int64_t *bytes,
                       uint32_t *mask);
/* Write or read at an address; errno is set on false. A read of a cut-off file gives false with
 * errno 0. Each is one fault point. Local. */
bool store_file_put(int fd, const void *bytes, int64_t n, int64_t address);
bool store_file_get(int fd, void *bytes, int64_t n, int64_t address);
/* Flush to the disk, close; errno is set on false. Both are fault points. Local. */
bool store_file_sync(int fd);
bool store_file_close(int fd);

/* ---- store_chunk.c: HDF5's shuffle, deflate and Fletcher-32 filters, done by the rank that has
 * the rows ---- */

typedef struct Codec {
  struct libdeflate_compressor *compressor;
  struct libdeflate_decompressor *decompressor;
  uint8_t *scratch[2];
  int64_t capacity[2];
} Codec;

/* Zero a Codec first; buffers and tables are made when needed. Local. */
void codec_clear(Codec *codec);
/* Items of the first extent in a chunk: a power of two near 64 KiB; larger when there were more
 * than 1,024 chunks, smaller when there is less data. A function of the global shape alone. */
int64_t codec_chunk(int64_t extent, int64_t row_bytes);
/* Describe the filters in a data set's creation list; false on failure. */
bool codec_filters(hid_t properties, FieldType type);
/* Are these the filters of a data set that we wrote? */
bool codec_filters_match(hid_t properties, FieldType type);
/* Encode n bytes, a whole chunk of items of the given type.
 * out    room for n + 4 bytes;  mask  out: HDF5's bits of the filters left out
 * Fails with MEMORY. */
CHECKED Status codec_encode(Codec *codec, const uint8_t *raw, int64_t n, FieldType type,
                            uint8_t *out, int64_t *out_bytes, uint32_t *mask);
/* Decode a chunk to exactly n bytes; *sound is false when the checksum or the stream is damaged.
 * Fails with MEMORY. */
CHECKED Status codec_decode(Codec *codec, const uint8_t *chunk, int64_t bytes, uint32_t mask,
                            FieldType type, uint8_t *raw, int64_t n, bool *sound);

/* ---- store_shape.c: the objects of a file, made by rank 0; all local, false or < 0 on failure
 * ---- */

/* An attribute of the root. */
bool shape_number(hid_t file, const char *name, int64_t value);
bool shape_text(hid_t file, const StoreText *item);
/* The data set of a field, empty, and its groups.
 * shape  over all ranks;  chunk  items of the first extent in a chunk, 0: compact */
hid_t shape_dataset(hid_t file, const Field *field, const int64_t *shape, int64_t chunk);
/* A small field with its data, or a distributed one of no bytes. */
bool shape_small(hid_t file, const Field *field, const int64_t *shape);
/* An external link to the field's origin. */
bool shape_link(hid_t file, const Field *field);

/* ---- store_catalogue.c: what an artifact holds and where, found by rank 0 ---- */

typedef enum StoreSpread { SPREAD_NONE, SPREAD_ROWS, SPREAD_RAGGED } StoreSpread;

/* A field of an artifact. Positions are into the catalogue's pool. */
typedef struct Entry {
  int64_t name;   /* position of its path */
  int64_t file;   /* position of the path of the file that holds it */
  int64_t target; /* position of its path in that file */
  FieldType type;
  StoreSpread spread;
  int dimensions;
  int64_t shape[FIELD_DIMENSIONS]; /* over all ranks */
  int64_t data;                    /* position of its bytes; -1: in chunks */
  int64_t chunk;                   /* items of the first extent in a chunk */
  int64_t first, n_chunks;         /* places[first .. first + n_chunks - 1] */
} Entry;

typedef struct Place {
  int64_t address, bytes;
  uint64_t mask;
} Place;

typedef struct Catalogue {
  int64_t n_global, block;
  int64_t n, n_places, n_pool;
  int64_t capacity, places_capacity, pool_capacity;
  Entry *entries;
  Place *places;
  char *pool; /* NUL-terminated texts and the bytes of small fields, each 8-byte aligned */
} Catalogue;

void catalogue_clear(Catalogue *catalogue);
/* Read it from path. texts: NULL: not wanted; arrays: false: texts alone. Local.
 * Fails with IO, FORMAT, MEMORY. */
CHECKED Status catalogue_read(const char *path, bool arrays, StoreTexts *texts, Catalogue *out);

#endif
