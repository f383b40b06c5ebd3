/* Walking bushes; see bush.h and bush_parts.h. Four registers of rows go side by side, since a
 * compare answers after several cycles, and share what is loaded for a split. */
#include "bush_parts.h"
#include "kernels/base/memory.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi")))
#define PART static inline TARGET __attribute__((always_inline))

enum { GROUPS = BUSH_ROWS / BUSH_GROUP };

bool bush_available(void) {
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi");
}

PART __m512i load(const void *from) { return _mm512_loadu_si512(from); }

/* ---- rows to columns ---- */

/* 64 rows of 8 bytes to 8 columns. */
PART void transpose(const uint8_t (*from)[8], uint8_t *columns) {
  const __m512i by_byte = _mm512_set_epi8(
      63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5,
      60, 52, 44, 36, 28, 20, 12, 4, 59, 51, 43, 35, 27, 19, 11, 3, 58, 50, 42, 34, 26, 18, 10, 2,
      57, 49, 41, 33, 25, 17, 9, 1, 56, 48, 40, 32, 24, 16, 8, 0);
  __m512i a[8], b[8];
  for (int i = 0; i < 8; i++) a[i] = _mm512_permutexvar_epi8(by_byte, load(from[8 * i]));
  for (int i = 0; i < 8; i += 2) { /* pairs of words, then of pairs, then of fours */
    b[i] = _mm512_unpacklo_epi64(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    a[i] = _mm512_shuffle_i64x2(b[i], b[i + 2], 0x88);
    a[i + 2] = _mm512_shuffle_i64x2(b[i], b[i + 2], 0xdd);
    a[i + 4] = _mm512_shuffle_i64x2(b[i + 4], b[i + 6], 0x88);
    a[i + 6] = _mm512_shuffle_i64x2(b[i + 4], b[i + 6], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    /* a[i]: columns i and i + 4 */
    _mm512_storeu_si512(columns + i * BUSH_ROWS, _mm512_shuffle_i64x2(a[i], a[i + 4], 0x88));
    _mm512_storeu_si512(columns + (i + 4) * BUSH_ROWS, _mm512_shuffle_i64x2(a[i], a[i + 4], 0xdd));
  }
}

TARGET void bush_columns(const uint8_t *codes, int64_t stride, const uint16_t *row, int64_t n,
                         uint8_t *columns) {
  uint8_t rows[BUSH_GROUP][8];
  for (int64_t first = 0; first < n; first += BUSH_GROUP) {
    for (int64_t j = 0; j < stride; j += 8) {
      for (int64_t i = 0; i < BUSH_GROUP; i++) {
        int64_t from = first + i < n ? first + i : n - 1;
        memcpy(rows[i], codes + (row ? row[from] : from) * stride + j, 8);
      }
      transpose((const uint8_t(*)[8])rows, columns + j * BUSH_ROWS + first);
    }
  }
}

/* ---- levels ---- */

PART __m512i look_up(const uint8_t *table, int registers, __m512i at) {
  if (registers == 1) return _mm512_permutexvar_epi8(at, load(table));
  __m512i low = _mm512_permutex2var_epi8(load(table), at, load(table + 64));
  if (registers == 2) return low;
  __m512i high = _mm512_permutex2var_epi8(load(table + 128), at, load(table + 192));
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high);
}

/* A level by its tables: select each row's code, compare it with its limit. */
PART const uint8_t *step_tables(const uint8_t *from, int n_columns, int registers,
                                const uint8_t *columns, int groups, __m512i at[GROUPS]) {
  const uint16_t *column = (const uint16_t *)from;
  const uint8_t *number = from + 2 * n_columns, *limit = number + 64 * registers;
  const uint8_t *right = limit + 64 * registers;
  __m512i mine[GROUPS], code[GROUPS], here = _mm512_setzero_si512();
  for (int g = 0; g < groups; g++) {
    mine[g] = look_up(number, registers, at[g]);
    code[g] = _mm512_setzero_si512();
  }
  for (int c = 0; c < n_columns; c++) {
    const uint8_t *codes = columns + (int64_t)(column[c] / 2) * BUSH_ROWS;
    __m512i flip = _mm512_set1_epi8((char)(column[c] % 2));
    for (int g = 0; g < groups; g++) {
      __mmask64 own = _mm512_cmpeq_epi8_mask(mine[g], here);
      code[g] = _mm512_mask_add_epi8(code[g], own, flip, load(codes + g * BUSH_GROUP));
    }
    here = _mm512_add_epi8(here, _mm512_set1_epi8(1));
  }
  for (int g = 0; g < groups; g++) {
    __mmask64 goes = _mm512_cmpgt_epu8_mask(code[g], look_up(limit, registers, at[g]));
    at[g] = _mm512_mask_mov_epi8(at[g], goes, look_up(right, registers, at[g]));
  }
  return right + 64 * registers;
}

/* Splits one by one. before: where rows stood before the level. */
PART const uint8_t *step_splits(const uint8_t *from, int n, bool flipped, const uint8_t *columns,
                                int groups, const __m512i before[GROUPS], __m512i at[GROUPS]) {
  const BushSplit *split = (const BushSplit *)from, *end = split + n;
  for (; split < end; split++) {
    const uint8_t *codes = columns + (int64_t)split->feature * BUSH_ROWS;
    __m512i exit = _mm512_set1_epi8((char)split->exit),
            limit = _mm512_set1_epi8((char)split->limit);
    __m512i right = _mm512_set1_epi8((char)split->right);
    for (int g = 0; g < groups; g++) {
      __m512i code = load(codes + g * BUSH_GROUP);
      if (flipped) code = _mm512_add_epi8(code, _mm512_set1_epi8(1));
      __mmask64 here = _mm512_cmpeq_epi8_mask(before[g], exit);
      __mmask64 goes = _mm512_mask_cmpgt_epu8_mask(here, code, limit);
      at[g] = _mm512_mask_mov_epi8(at[g], goes, right);
    }
  }
  return (const uint8_t *)end;
}

PART const uint8_t *step_sets(const uint8_t *from, int n, const uint8_t *columns, int groups,
                              const __m512i before[GROUPS], __m512i at[GROUPS]) {
  const BushSet *set = (const BushSet *)from, *end = set + n;
  const __m512i bits = _mm512_set1_epi64((int64_t)0x8040201008040201);
  for (; set < end; set++) {
    const uint8_t *codes = columns + (int64_t)set->feature * BUSH_ROWS;
    __m512i exit = _mm512_set1_epi8((char)set->exit), right = _mm512_set1_epi8((char)set->right);
    /* The set twice, since a look-up takes six bits of what may be more. */
    __m512i left = _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)set->left));
    for (int g = 0; g < groups; g++) {
      __m512i code = load(codes + g * BUSH_GROUP);
      __m512i byte = _mm512_permutexvar_epi8(_mm512_srli_epi16(code, 3), left);
      __m512i bit = _mm512_permutexvar_epi8(code, bits);
      __mmask64 here = _mm512_cmpeq_epi8_mask(before[g], exit);
      __mmask64 goes = _mm512_mask_testn_epi8_mask(here, byte, bit);
      at[g] = _mm512_mask_mov_epi8(at[g], goes, right);
    }
  }
  return (const uint8_t *)end;
}

/* Exits of `groups` groups of rows. */
PART void walk(const uint8_t *bush, const uint8_t *columns, int groups, __m512i at[GROUPS]) {
  for (int g = 0; g < groups; g++) at[g] = _mm512_setzero_si512();
  for (;;) {
    const BushLevel *level = (const BushLevel *)bush;
    bush += sizeof *level;
    __m512i before[GROUPS];
    for (int g = 0; g < groups; g++) before[g] = at[g];
    switch (level->registers) {
      case 1: bush = step_tables(bush, level->columns, 1, columns, groups, at); break;
      case 2: bush = step_tables(bush, level->columns, 2, columns, groups, at); break;
      case 4: bush = step_tables(bush, level->columns, 4, columns, groups, at); break;
      default:
        if (level->plain + level->flipped + level->sets == 0) return;
        bush = step_splits(bush, level->plain, false, columns, groups, before, at);
        bush = step_splits(bush, level->flipped, true, columns, groups, before, at);
        break;
    }
    if (level->sets > 0) bush = step_sets(bush, level->sets, columns, groups, before, at);
  }
}

TARGET void bush_walk(const uint8_t *bush, const uint8_t *columns, int64_t n, uint8_t *exit) {
  __m512i at[GROUPS];
  int64_t i = 0;
  if (n > BUSH_ROWS - BUSH_GROUP) {
    walk(bush, columns, GROUPS, at);
    for (int g = 0; g < GROUPS; g++) _mm512_storeu_si512(exit + g * BUSH_GROUP, at[g]);
    return;
  }
  for (; n - i > BUSH_GROUP; i += 2 * BUSH_GROUP) {
    walk(bush, columns + i, 2, at);
    _mm512_storeu_si512(exit + i, at[0]);
    _mm512_storeu_si512(exit + i + BUSH_GROUP, at[1]);
  }
  for (; i < n; i += BUSH_GROUP) {
    walk(bush, columns + i, 1, at);
    _mm512_storeu_si512(exit + i, at[0]);
  }
}

/* ---- sums ---- */

/* Add values of one plane; a group's rows stand as unpacking bytes leaves them. */
PART void add_plane(const uint8_t *plane, int registers, int groups, const __m512i at[GROUPS],
                    uint16_t *sums) {
  for (int g = 0; g < groups; g++) {
    __m512i value = look_up(plane, registers, at[g]), zero = _mm512_setzero_si512();
    uint16_t *low = sums + g * BUSH_GROUP, *high = low + BUSH_GROUP / 2;
    _mm512_storeu_si512(low, _mm512_add_epi16(load(low), _mm512_unpacklo_epi8(value, zero)));
    _mm512_storeu_si512(high, _mm512_add_epi16(load(high), _mm512_unpackhi_epi8(value, zero)));
  }
}

PART void sum_groups(const uint8_t *bush, const uint8_t *planes, int64_t exits,
                     const uint8_t *columns, int groups, uint16_t *sums) {
  __m512i at[GROUPS];
  walk(bush, columns, groups, at);
  for (int p = 0; p < 4; p++, sums += BUSH_ROWS) {
    if (exits <= 64) {
      add_plane(planes + 64 * p, 1, groups, at, sums);
    } else if (exits <= 128) {
      add_plane(planes + 128 * p, 2, groups, at, sums);
    } else {
      add_plane(planes + 256 * p, 4, groups, at, sums);
    }
  }
}

TARGET void bush_sum(const uint8_t *bush, const uint8_t *planes, int64_t exits,
                     const uint8_t *columns, int64_t n, uint16_t *sums) {
  if (n > BUSH_GROUP) {
    sum_groups(bush, planes, exits, columns, GROUPS, sums);
  } else {
    sum_groups(bush, planes, exits, columns, 1, sums);
  }
}

#else

bool bush_available(void) { return false; }
void bush_columns(const uint8_t *codes, int64_t stride, const uint16_t *row, int64_t n,
                  uint8_t *columns) {
  (void)codes, (void)stride, (void)row, (void)n, (void)columns;
}
void bush_walk(const uint8_t *bush, const uint8_t *columns, int64_t n, uint8_t *exit) {
  (void)bush, (void)columns, (void)n, (void)exit;
}
void bush_sum(const uint8_t *bush, const uint8_t *planes, int64_t exits, const uint8_t *columns,
              int64_t n, uint16_t *sums) {
  (void)bush, (void)planes, (void)exits, (void)columns, (void)n, (void)sums;
}

#endif

void bush_take_sums(uint16_t *sums, int64_t trees, int64_t n, int64_t step, int64_t *out) {
  for (int64_t i = 0; i < n; i++) {
    int64_t group = i / BUSH_GROUP * BUSH_GROUP, row = i % BUSH_GROUP;
    int64_t at = group + row % 16 / 8 * (BUSH_GROUP / 2) + row / 16 * 8 + row % 8, sum = 0;
    for (int p = 0; p < 4; p++) sum += (int64_t)sums[p * BUSH_ROWS + at] << 8 * p;
    out[i * step] += sum - (trees << 31);
  }
  for (int64_t i = 0; i < BUSH_SUMS; i++) sums[i] = 0;
}
