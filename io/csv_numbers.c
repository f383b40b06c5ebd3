/* A record's fields lie side by side, and so do their ends: one load brings eight of those, and one
 * the text. A permutation of bytes then puts every number at the right end of a lane of its own,
 * and the eight are made at once, as in real_four.h, whose columns would have to be fetched number
 * by number. Eight records of eight numbers are turned into columns at a time. */
#include "csv_numbers.h"

#include "csv_block.h"
#include "kernels/base/memory.h"

enum { ROWS = 8, ALONE = 3 /* columns in a window that are not worth it */ };

void csv_numbers_clear(CsvNumbers *numbers) {
  for (int64_t w = 0; numbers->windows && w < numbers->n; w++)
    memory_free(&numbers->windows[w].left);
  memory_free(&numbers->windows);
  *numbers = (CsvNumbers){0};
}

#ifdef __x86_64__

#define NUMBERS_WIDE \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,bmi2")))

static bool usable(void) {
  return csv_wide() && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi") &&
         __builtin_cpu_supports("bmi2");
}

static bool numeric(const CsvBuilder *builder) {
  ColumnType type = builder->target.type;
  return (type == COLUMN_REAL || type == COLUMN_INTEGER) && builder->target.field >= 0 &&
         builder->numbers_count;
}

/* The numeric field from `from` on that comes first, or `fields`. */
static int64_t next_field(const CsvBuilder *builders, int64_t n, int64_t from, int64_t fields) {
  int64_t next = fields;
  for (int64_t i = 0; i < n; i++) {
    int64_t field = builders[i].target.field;
    if (numeric(&builders[i]) && field >= from && field < next) next = field;
  }
  return next;
}

/* Give the window its columns, those from field `from` on. */
static void fill(CsvWindow *window, CsvBuilder *builders, int64_t n, int64_t from) {
  for (int64_t i = 0; i < n; i++) {
    int64_t field = builders[i].target.field, lane = field - window->field;
    if (!numeric(&builders[i]) || field < from || lane < 0 || lane >= CSV_LANES) continue;
    uint8_t bit = (uint8_t)(1 << lane);
    if (window->wanted & bit) continue; /* a second column of the same field */
    window->wanted |= bit;
    if (builders[i].target.type == COLUMN_INTEGER) window->integers |= bit;
    window->builder[lane] = &builders[i];
  }
}

Status csv_numbers_init(CsvNumbers *numbers, CsvBuilder *builders, int64_t n, int64_t fields) {
  Status status = OK;
  *numbers = (CsvNumbers){0};
  if (!usable() || fields < CSV_LANES) return OK;
  TRY(NEW(&numbers->windows, fields / CSV_LANES + 1));
  int64_t from = 0;
  while ((from = next_field(builders, n, from, fields)) < fields) {
    int64_t begin = smaller(from, fields - CSV_LANES);
    CsvWindow window = {.field = begin};
    fill(&window, builders, n, from);
    from = begin + CSV_LANES;
    if (__builtin_popcount(window.wanted) <= ALONE) continue;
    for (int lane = 0; lane < CSV_LANES; lane++)
      if (window.builder[lane]) window.builder[lane]->lane = (uint8_t)(1 << lane);
    numbers->windows[numbers->n++] = window;
  }
done:
  return status;
}

/* x / 10^(7 - p), correctly rounded, for integers x of at most eight digits; point is 256^p, and no
 * lane of `pointed` where there is none: then x. A division takes as long as a third of all the
 * rest: the product with the reciprocal is mended by what it leaves (Markstein 1990). That this is
 * right for all 8 * 10^8 pairs was found by trying them. */
static inline NUMBERS_WIDE __m512d quotient(__m512d x, __m512i point, __mmask8 pointed) {
  const __m512d one = _mm512_set1_pd(1);
  const __m512d tens = _mm512_setr_pd(1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1, 1e7);
  const __m512d tenths =
      _mm512_setr_pd(1 / 1e6, 1 / 1e5, 1 / 1e4, 1 / 1e3, 1 / 1e2, 1 / 1e1, 1, 1 / 1e7);
  /* The exponent of 256^p, 1023 + 8 p, over eight is 7 + p, if but three bits are looked at. */
  __m512i at = _mm512_srli_epi64(_mm512_castpd_si512(_mm512_cvtepi64_pd(point)), 52 + 3);
  __m512d reciprocal = _mm512_mask_permutexvar_pd(one, pointed, at, tenths);
  __m512d divisor = _mm512_mask_permutexvar_pd(one, pointed, at, tens);
  __m512d q = _mm512_mul_pd(x, reciprocal);
  return _mm512_fmadd_pd(_mm512_fnmadd_pd(q, divisor, x), reciprocal, q);
}

/* Eight fields of a record: ends[-1] stands before the first. Their values, integers where wanted
 * as such, go to `values`; the bits of those left are returned. */
static inline NUMBERS_WIDE uint8_t parse_eight(const char *bytes, const uint32_t *ends,
                                               uint8_t integers, uint64_t values[CSV_LANES]) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i back = _mm512_set1_epi64(0x0102030405060708); /* 8 - j for byte j */
  const __m512i spread =
      _mm512_set_epi64(/* byte 4 i to all bytes of lane i */
                       0x1c1c1c1c1c1c1c1c, 0x1818181818181818, 0x1414141414141414,
                       0x1010101010101010, 0x0c0c0c0c0c0c0c0c, 0x0808080808080808,
                       0x0404040404040404, 0);
  uint32_t base = ends[-1] + 1;
  if (ends[CSV_LANES - 1] - base > BLOCK) return 0xff;
  __m256i end = _mm256_loadu_si256((const __m256i *)(const void *)ends);
  __m256i begin = _mm256_loadu_si256((const __m256i *)(const void *)(ends - 1));
  __m256i longer = _mm256_sub_epi32(end, begin); /* by one than the text */
  __mmask8 good = _mm256_cmple_epu32_mask(_mm256_add_epi32(longer, _mm256_set1_epi32(-2)),
                                          _mm256_set1_epi32(7)); /* 1 .. 8 characters */
  __m256i stop = _mm256_sub_epi32(end, _mm256_set1_epi32((int)base));
  __m512i n = _mm512_permutexvar_epi8(spread, _mm512_castsi256_si512(longer));
  __m512i from = _mm512_permutexvar_epi8(spread, _mm512_castsi256_si512(stop));
  /* Byte j of a lane is that 8 - j before the end, or zero if that is not of the text. */
  __m512i text = _mm512_xor_si512(_mm512_loadu_si512(bytes + base), _mm512_set1_epi8('0'));
  __mmask64 keep = _mm512_cmpgt_epu8_mask(n, back);
  __m512i digit = _mm512_maskz_permutexvar_epi8(keep, _mm512_sub_epi8(from, back), text);
  __mmask64 dot = _mm512_cmpeq_epi8_mask(digit, _mm512_set1_epi8('.' ^ '0'));
  /* A minus in front becomes a leading zero. */
  __mmask64 first = _mm512_cmpeq_epi8_mask(n, _mm512_add_epi8(back, _mm512_set1_epi8(1)));
  __mmask64 minus = _mm512_mask_cmpeq_epi8_mask(first, digit, _mm512_set1_epi8('-' ^ '0'));
  __m512i minuses = _mm512_movm_epi8(minus);
  __mmask8 negative = _mm512_test_epi64_mask(minuses, minuses);
  digit = _mm512_mask_mov_epi8(digit, minus, zero);
  /* The first point is squeezed out: what stands before it moves up; a second one stays. */
  __m512i point = _mm512_maskz_set1_epi8(dot, 1);
  __mmask8 pointed = _mm512_test_epi64_mask(point, point);
  __m512i upto = _mm512_sub_epi64(_mm512_slli_epi64(point, 8), _mm512_set1_epi64(1));
  enum { B_WHERE_C_ELSE_A = 0xd8 };
  digit = _mm512_mask_ternarylogic_epi64(digit, pointed, _mm512_slli_epi64(digit, 8), upto,
                                         B_WHERE_C_ELSE_A);
  /* Digits only, and at least one. */
  __m512i large = _mm512_subs_epu8(digit, _mm512_set1_epi8(9));
  __mmask8 one = _mm256_cmpeq_epi32_mask(longer, _mm256_set1_epi32(2));
  __mmask8 two = _mm256_cmpeq_epi32_mask(longer, _mm256_set1_epi32(3));
  good &= _mm512_testn_epi64_mask(large, large) & ~(one & (negative | pointed)) &
          ~(two & negative & pointed);
  __m512i pairs = _mm512_maddubs_epi16(digit, _mm512_set1_epi16(0x010a));
  __m512i quads = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));
  __m512i number = _mm512_add_epi64(_mm512_mul_epu32(quads, _mm512_set1_epi64(10000)),
                                    _mm512_srli_epi64(quads, 32));
  good &= ~(_mm512_testn_epi64_mask(number, number) & negative); /* -0.0 is no integer's quotient */
  number = _mm512_mask_sub_epi64(number, negative, zero, number);
  __m512d real = quotient(_mm512_cvtepi64_pd(number), point, pointed);
  _mm512_storeu_si512(values, _mm512_mask_mov_epi64(_mm512_castpd_si512(real), integers, number));
  return (uint8_t) ~(good & ~(integers & pointed));
}

/* Bits of lanes of which anything is left. */
static NUMBERS_WIDE uint8_t add_window(CsvWindow *window, const CsvBatch *batch, int64_t row,
                                       const uint8_t *reason) {
  uint8_t any = 0;
  uint64_t values[ROWS][CSV_LANES] = {{0}};
  for (int64_t k = 0; k < batch->n; k += ROWS) {
    int64_t here = smaller(ROWS, batch->n - k);
    for (int64_t r = 0; r < here; r++) {
      const uint32_t *ends = batch->ends + batch->first[k + r] + window->field;
      window->left[k + r] = 0xff;
      if (reason[k + r] == CSV_GOOD)
        window->left[k + r] = parse_eight(batch->bytes, ends, window->integers, values[r]);
      any |= window->left[k + r];
    }
    for (int lane = 0; lane < CSV_LANES; lane++) {
      if (!window->builder[lane]) continue;
      double *to =
          window->builder[lane]->column->real + row + k; /* or integers: bits all the same */
      for (int64_t r = 0; r < here; r++) memcpy(&to[r], &values[r][lane], sizeof *to);
    }
  }
  return any;
}

Status csv_numbers_add(CsvNumbers *numbers, const CsvBatch *batch, int64_t row,
                       const uint8_t *reason) {
  Status status = OK;
  for (int64_t w = 0; w < numbers->n; w++) {
    CsvWindow *window = &numbers->windows[w];
    TRY(RESERVE(&window->left, &window->capacity, batch->n));
    uint8_t any = add_window(window, batch, row, reason);
    for (int lane = 0; lane < CSV_LANES; lane++) {
      if (!window->builder[lane]) continue;
      window->builder[lane]->left = window->left;
      window->builder[lane]->any_left = any >> lane & 1;
    }
  }
done:
  return status;
}

#else

Status csv_numbers_init(CsvNumbers *numbers, CsvBuilder *builders, int64_t n, int64_t fields) {
  (void)builders, (void)n, (void)fields;
  *numbers = (CsvNumbers){0};
  return OK;
}

Status csv_numbers_add(CsvNumbers *numbers, const CsvBatch *batch, int64_t row,
                       const uint8_t *reason) {
  (void)numbers, (void)batch, (void)row, (void)reason;
  return OK;
}

#endif
