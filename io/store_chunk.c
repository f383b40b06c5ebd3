/* Chunks: HDF5's shuffle, deflate and Fletcher-32 filters, applied by us.
 *
 * Every rank encodes and decodes the chunks of its own rows, at the speed of libdeflate (two to
 * three times zlib's), and HDF5 only keeps the book of where they stand; any HDF5 program reads
 * them by its own filters. A chunk that deflating makes hardly smaller is stored as it is, with
 * the two filters marked as left out, so that reading it costs nothing.
 * A decimal fraction such as 0.676 fills all bits of a double: of the eight planes of bytes that
 * shuffling makes, all but the highest two are noise, and searching them for repetitions took most
 * of the time of writing. Samples tell such planes; they go into the stream as they are, as deflate
 * allows, and only what follows is searched. So is text searched only if a sample of it shrinks
 * well: identifiers made of random letters lose a quarter, at the price of all the rest.
 * Formats: the filters' descriptions in the HDF5 File Format Specification 3.0, section IV.A.2.l.
 */
#include "store_internal.h"

#include <libdeflate.h>
#include <string.h>

#include "kernels/base/memory.h"

enum {
  CHUNK_BYTES = 65536,
  CHUNKS = 1024, /* more make the list of places long and rank 0 slow */
  LEVEL = 1,
  CHECKSUM_BYTES = 4,
  SAMPLE_BYTES = 4096,
  STORED_BLOCK = 65535, /* the longest stored block of deflate */
  /* The most that deflate can shrink (RFC 1951: 258 bytes in 2 bits); guards an allocation. */
  RATIO = 1032
};

void codec_clear(Codec *codec) {
  if (codec->compressor) libdeflate_free_compressor(codec->compressor);
  if (codec->decompressor) libdeflate_free_decompressor(codec->decompressor);
  memory_free(&codec->scratch[0]);
  memory_free(&codec->scratch[1]);
  *codec = (Codec){0};
}

int64_t codec_chunk(int64_t extent, int64_t row_bytes) {
  int64_t chunk = 1;
  while (2 * chunk * row_bytes <= CHUNK_BYTES) chunk *= 2;
  while ((extent - 1) / chunk >= CHUNKS) chunk *= 2;
  return chunk < extent ? chunk : extent;
}

/* ---- the list of filters ---- */

/* In the order of writing; single bytes need no shuffle. */
static int filters_of(FieldType type, H5Z_filter_t *filters) {
  int n = 0;
  if (field_item_size(type) > 1) filters[n++] = H5Z_FILTER_SHUFFLE;
  filters[n++] = H5Z_FILTER_DEFLATE;
  filters[n++] = H5Z_FILTER_FLETCHER32;
  return n;
}

bool codec_filters(hid_t properties, FieldType type) {
  return (field_item_size(type) == 1 || H5Pset_shuffle(properties) >= 0) &&
         H5Pset_deflate(properties, LEVEL) >= 0 && H5Pset_fletcher32(properties) >= 0;
}

bool codec_filters_match(hid_t properties, FieldType type) {
  H5Z_filter_t filters[STORE_FILTERS];
  int n = filters_of(type, filters);
  if (H5Pget_nfilters(properties) != n) return false;
  for (int i = 0; i < n; i++) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    if (H5Pget_filter2(properties, (unsigned)i, &flags, &values, NULL, 0, NULL, &config) !=
        filters[i])
      return false;
  }
  return true;
}

/* The bits of shuffle and deflate, and that of the checksum. */
static uint32_t packing_bits(FieldType type) { return field_item_size(type) > 1 ? 3 : 1; }
static uint32_t checksum_bit(FieldType type) { return field_item_size(type) > 1 ? 4 : 2; }

/* ---- Fletcher-32 ---- */

/* HDF5 folds its sums after additions: a sum is 65535 rather than 0 unless all words are 0. */
static uint32_t fold(uint64_t sum) {
  uint64_t rest = sum % 65535;
  return (uint32_t)(rest == 0 && sum > 0 ? 65535 : rest);
}

/* Words are big-endian. In a run of 256 the weighted sum stays below 2^32; the totals are folded
 * before they could overflow, which changes no residue. */
static uint32_t fletcher32(const uint8_t *bytes, int64_t n) {
  enum { RUN = 256 };
  uint64_t plain = 0, weighted = 0;
  int64_t words = n / 2, run = 0;
  for (int64_t at = 0; at < words; at += run) {
    run = words - at < RUN ? words - at : RUN;
    uint32_t sum = 0, heavy = 0;
    for (int64_t i = 0; i < run; i++) {
      const uint8_t *word = bytes + 2 * (at + i);
      uint32_t value = (uint32_t)word[0] << 8 | word[1];
      sum += value;
      heavy += (uint32_t)(run - i) * value;
    }
    weighted += (uint64_t)run * plain + heavy;
    plain += sum;
    if (plain >> 40) plain = fold(plain);
    if (weighted >> 62) weighted = fold(weighted);
  }
  if (n % 2 > 0) {
    plain += (uint64_t)bytes[n - 1] << 8;
    weighted += plain;
  }
  return fold(weighted) << 16 | fold(plain);
}

/* ---- shuffle: byte j of item i goes to j n + i ---- */

/* Transpose the 8 x 8 bytes of eight words (Warren, Hacker's Delight, 7-3, with bytes for bits). */
static inline void transpose_bytes(uint64_t w[8]) {
  for (int i = 0; i < 4; i++) {
    uint64_t t = (w[i] >> 32 ^ w[i + 4]) & 0xffffffffu;
    w[i] ^= t << 32;
    w[i + 4] ^= t;
  }
  for (int k = 0; k < 4; k++) {
    int i = k / 2 * 4 + k % 2;
    uint64_t t = (w[i] >> 16 ^ w[i + 2]) & 0x0000ffff0000ffffu;
    w[i] ^= t << 16;
    w[i + 2] ^= t;
  }
  for (int i = 0; i < 8; i += 2) {
    uint64_t t = (w[i] >> 8 ^ w[i + 1]) & 0x00ff00ff00ff00ffu;
    w[i] ^= t << 8;
    w[i + 1] ^= t;
  }
}

/* The first n - n % 8 items of eight bytes each; returns their number. */
static int64_t shuffle_eights(const uint8_t *in, int64_t n, uint8_t *out) {
  for (int64_t i = 0; i + 8 <= n; i += 8) {
    uint64_t w[8];
    memcpy(w, in + 8 * i, sizeof w);
    transpose_bytes(w);
    for (int j = 0; j < 8; j++) memcpy(out + j * n + i, &w[j], 8);
  }
  return n - n % 8;
}

static int64_t unshuffle_eights(const uint8_t *in, int64_t n, uint8_t *out) {
  for (int64_t i = 0; i + 8 <= n; i += 8) {
    uint64_t w[8];
    for (int j = 0; j < 8; j++) memcpy(&w[j], in + j * n + i, 8);
    transpose_bytes(w);
    memcpy(out + 8 * i, w, sizeof w);
  }
  return n - n % 8;
}

static void shuffle(const uint8_t *in, int64_t n, int64_t size, uint8_t *out) {
  int64_t done = size == 8 ? shuffle_eights(in, n, out) : 0;
  for (int64_t j = 0; j < size; j++)
    for (int64_t i = done; i < n; i++) out[j * n + i] = in[i * size + j];
}

static void unshuffle(const uint8_t *in, int64_t n, int64_t size, uint8_t *out) {
  int64_t done = size == 8 ? unshuffle_eights(in, n, out) : 0;
  for (int64_t j = 0; j < size; j++)
    for (int64_t i = done; i < n; i++) out[i * size + j] = in[j * n + i];
}

/* ---- chunks ---- */

static Status reserve_scratch(Codec *codec, int which, int64_t n) {
  if (n <= codec->capacity[which]) return OK;
  memory_free(&codec->scratch[which]);
  codec->capacity[which] = 0;
  Status status = NEW(&codec->scratch[which], n);
  if (status == OK) codec->capacity[which] = n;
  return status;
}

static Status no_memory(void) {
  return status_fail(MEMORY, "out of memory: the tables of deflate could not be allocated");
}

/* Does a sample shrink by n / part bytes? A function of the bytes alone, as all that decides here.
 */
static bool shrinks(Codec *codec, const uint8_t *sample, int64_t n, int64_t part) {
  uint8_t packed[SAMPLE_BYTES];
  return libdeflate_zlib_compress(codec->compressor, sample, (size_t)n, packed,
                                  (size_t)(n - n / part)) > 0;
}

static bool text_shrinks(Codec *codec, const uint8_t *bytes, int64_t n) {
  if (n < 4 * SAMPLE_BYTES) return true;
  return shrinks(codec, bytes + (n - SAMPLE_BYTES) / 2, SAMPLE_BYTES, 3);
}

/* How many of the bytes, whole planes from the lowest on, are noise: six planes, four or none. */
static int64_t noise_bytes(Codec *codec, const uint8_t *planes, int64_t n) {
  enum { PLANES = 8, NOISE = 6, PIECE = SAMPLE_BYTES / PLANES };
  int64_t plane = n / PLANES;
  uint8_t sample[NOISE * PIECE];
  if (n < 4 * SAMPLE_BYTES) return 0;
  for (int p = 0; p < NOISE; p++)
    memcpy(sample + p * PIECE, planes + p * plane + (plane - PIECE) / 2, PIECE);
  if (!shrinks(codec, sample, NOISE * PIECE, 16)) return NOISE * plane;
  return shrinks(codec, sample, 4 * PIECE, 16) ? 0 : 4 * plane;
}

/* The zlib format (RFC 1950, 1951): `plain` bytes in stored blocks, each a byte of flags, its
 * length and its complement; then what libdeflate makes of the rest, which ends the stream; then
 * the checksum. 0 when it takes more than `room` bytes. */
static size_t pack(Codec *codec, const uint8_t *in, int64_t n, int64_t plain, uint8_t *out,
                   size_t room) {
  if (plain == 0) return libdeflate_zlib_compress(codec->compressor, in, (size_t)n, out, room);
  uint8_t *to = out;
  if ((size_t)(plain + plain / STORED_BLOCK * 5 + 11) > room) return 0;
  *to++ = 0x78;
  *to++ = 0x01;
  for (int64_t at = 0, length; at < plain; at += length) {
    length = plain - at < STORED_BLOCK ? plain - at : STORED_BLOCK;
    const uint8_t low = (uint8_t)length, high = (uint8_t)(length >> 8);
    const uint8_t head[5] = {0, low, high, (uint8_t)~low, (uint8_t)~high};
    memcpy(to, head, sizeof head);
    memcpy(to + sizeof head, in + at, (size_t)length);
    to += (int64_t)sizeof head + length;
  }
  size_t used = (size_t)(to - out) + 4;
  size_t packed = libdeflate_deflate_compress(codec->compressor, in + plain, (size_t)(n - plain),
                                              to, room - used);
  if (packed == 0) return 0;
  uint32_t sum = libdeflate_adler32(1, in, (size_t)n);
  for (int i = 0; i < 4; i++) to[packed + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
  return used + packed;
}

Status codec_encode(Codec *codec, const uint8_t *raw, int64_t n, FieldType type, uint8_t *out,
                    int64_t *out_bytes, uint32_t *mask) {
  Status status = OK;
  int64_t size = (int64_t)field_item_size(type), plain = 0;
  const uint8_t *planes = raw;
  if (!codec->compressor) codec->compressor = libdeflate_alloc_compressor(LEVEL);
  if (!codec->compressor) return no_memory();
  if (size > 1) {
    TRY(reserve_scratch(codec, 0, n));
    shuffle(raw, n / size, size, codec->scratch[0]);
    planes = codec->scratch[0];
    if (size == 8) plain = noise_bytes(codec, planes, n);
  }
  size_t packed = 0;
  if (size > 1 || text_shrinks(codec, raw, n))
    packed = pack(codec, planes, n, plain, out, (size_t)(n - n / 16));
  *mask = packed == 0 ? packing_bits(type) : 0;
  if (packed == 0) {
    memcpy(out, raw, (size_t)n);
    packed = (size_t)n;
  }
  uint32_t sum = fletcher32(out, (int64_t)packed);
  memcpy(out + packed, &sum, CHECKSUM_BYTES);
  *out_bytes = (int64_t)packed + CHECKSUM_BYTES;
done:
  return status;
}

Status codec_decode(Codec *codec, const uint8_t *chunk, int64_t bytes, uint32_t mask,
                    FieldType type, uint8_t *raw, int64_t n, bool *sound) {
  Status status = OK;
  int64_t size = (int64_t)field_item_size(type), packed = bytes;
  *sound = false;
  if (!(mask & checksum_bit(type))) {
    uint32_t sum = 0;
    packed -= CHECKSUM_BYTES;
    if (packed < 0) return OK;
    memcpy(&sum, chunk + packed, CHECKSUM_BYTES);
    if (fletcher32(chunk, packed) != sum) return OK;
  }
  uint32_t skipped = mask & packing_bits(type), deflate_bit = size > 1 ? 2 : 1;
  bool shuffled = size > 1 && !(skipped & 1), deflated = !(skipped & deflate_bit);
  if (deflated ? packed > n + 1024 || packed < n / RATIO : packed != n) return OK;
  if (!codec->decompressor) codec->decompressor = libdeflate_alloc_decompressor();
  if (!codec->decompressor) return no_memory();
  const uint8_t *planes = chunk;
  if (deflated) {
    if (shuffled) TRY(reserve_scratch(codec, 1, n));
    uint8_t *to = shuffled ? codec->scratch[1] : raw;
    if (libdeflate_zlib_decompress(codec->decompressor, chunk, (size_t)packed, to, (size_t)n,
                                   NULL) != LIBDEFLATE_SUCCESS)
      return OK;
    planes = to;
  }
  if (shuffled)
    unshuffle(planes, n / size, size, raw);
  else if (planes != raw)
    memcpy(raw, planes, (size_t)n);
  *sound = true;
done:
  return status;
}
