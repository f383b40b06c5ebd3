/* A record's fields lie side by side, and so do their ends: one load brings eight of those, and one
 * the text. A permutation of bytes then puts every number at the right end of a lane of its own,
 * and the eight are made at once, as in real_four.h, whose columns would have to be fetched number
 * by number. Eight records of eight numbers are turned into columns at a time. */
#include "csv_numbers.h"

#include "csv_block.h"
#include "kernels/base/memory.h"

enum { ROWS = 8, ALONE = 3 /* columns in a window that are not worth it */ };

static void window_clear(CsvWindow *window) {
  memory_free(&window->left);
  memory_free(&window->odd);
}

void csv_numbers_clear(CsvNumbers *numbers) {
  for (int64_t w = 0; numbers->windows && w < numbers->n; w++) window_clear(&numbers->windows[w]);
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

/* What stands in eight lanes as [-] digits [. digits]: the number without its point, the byte of
 * the point as 256^p, lanes that have a minus or a point, and lanes that are of that form. */
typedef struct Eight {
  __m512i number, point;
  __mmask8 negative, pointed, good;
} Eight;

/* digit    the text at the right end of each lane, xor '0'; zeros before it
 * n        in each byte of a lane: its length and one more; longer: the same
 * -0 is called bad: it is no integer's quotient. */
static inline NUMBERS_WIDE Eight digits_eight(__m512i digit, __m512i n, __m256i longer) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i back = _mm512_set1_epi64(0x0203040506070809); /* 9 - j for byte j */
  Eight out;
  __mmask64 dot = _mm512_cmpeq_epi8_mask(digit, _mm512_set1_epi8('.' ^ '0'));
  /* A minus in front becomes a leading zero. */
  __mmask64 first = _mm512_cmpeq_epi8_mask(n, back);
  __mmask64 minus = _mm512_mask_cmpeq_epi8_mask(first, digit, _mm512_set1_epi8('-' ^ '0'));
  __m512i minuses = _mm512_movm_epi8(minus);
  out.negative = _mm512_test_epi64_mask(minuses, minuses);
  digit = _mm512_mask_mov_epi8(digit, minus, zero);
  /* The first point is squeezed out: what stands before it moves up; a second one stays. */
  out.point = _mm512_maskz_set1_epi8(dot, 1);
  out.pointed = _mm512_test_epi64_mask(out.point, out.point);
  __m512i upto = _mm512_sub_epi64(_mm512_slli_epi64(out.point, 8), _mm512_set1_epi64(1));
  enum { B_WHERE_C_ELSE_A = 0xd8 };
  digit = _mm512_mask_ternarylogic_epi64(digit, out.pointed, _mm512_slli_epi64(digit, 8), upto,
                                         B_WHERE_C_ELSE_A);
  /* Digits only, and at least one. */
  __m512i large = _mm512_subs_epu8(digit, _mm512_set1_epi8(9));
  __mmask8 one = _mm256_cmpeq_epi32_mask(longer, _mm256_set1_epi32(2));
  __mmask8 two = _mm256_cmpeq_epi32_mask(longer, _mm256_set1_epi32(3));
  out.good = _mm512_testn_epi64_mask(large, large) & ~(one & (out.negative | out.pointed)) &
             ~(two & out.negative & out.pointed);
  __m512i pairs = _mm512_maddubs_epi16(digit, _mm512_set1_epi16(0x010a));
  __m512i quads = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));
  __m512i number = _mm512_add_epi64(_mm512_mul_epu32(quads, _mm512_set1_epi64(10000)),
                                    _mm512_srli_epi64(quads, 32));
  out.good &= ~(_mm512_testn_epi64_mask(number, number) & out.negative);
  out.number = _mm512_mask_sub_epi64(number, out.negative, zero, number);
  return out;
}

/* Eight fields of a record, that take at most BLOCK bytes; ends[-1] stands before the first. */
typedef struct Texts {
  __m512i digit, n; /* as digits_eight wants them */
  __m256i longer;
  __mmask8 good; /* 1 .. 8 characters */
} Texts;

static inline NUMBERS_WIDE Texts texts_eight(const char *bytes, const uint32_t *ends) {
  const __m512i back = _mm512_set1_epi64(0x0102030405060708); /* 8 - j for byte j */
  const __m512i spread =
      _mm512_set_epi64(/* byte 4 i to all bytes of lane i */
                       0x1c1c1c1c1c1c1c1c, 0x1818181818181818, 0x1414141414141414,
                       0x1010101010101010, 0x0c0c0c0c0c0c0c0c, 0x0808080808080808,
                       0x0404040404040404, 0);
  Texts out;
  uint32_t base = ends[-1] + 1;
  __m256i end = _mm256_loadu_si256((const __m256i *)(const void *)ends);
  __m256i begin = _mm256_loadu_si256((const __m256i *)(const void *)(ends - 1));
  out.longer = _mm256_sub_epi32(end, begin);
  out.good = _mm256_cmple_epu32_mask(_mm256_add_epi32(out.longer, _mm256_set1_epi32(-2)),
                                     _mm256_set1_epi32(7));
  __m256i stop = _mm256_sub_epi32(end, _mm256_set1_epi32((int)base));
  out.n = _mm512_permutexvar_epi8(spread, _mm512_castsi256_si512(out.longer));
  __m512i from = _mm512_permutexvar_epi8(spread, _mm512_castsi256_si512(stop));
  /* Byte j of a lane is that 8 - j before the end, or zero if that is not of the text. */
  __m512i text = _mm512_xor_si512(_mm512_loadu_si512(bytes + base), _mm512_set1_epi8('0'));
  __mmask64 keep = _mm512_cmpgt_epu8_mask(out.n, back);
  out.digit = _mm512_maskz_permutexvar_epi8(keep, _mm512_sub_epi8(from, back), text);
  return out;
}

/* The values, integers where wanted as such, go to `values`; the bits of lanes left are returned,
 * and in *odd those of them that parse_tails may make. */
static inline NUMBERS_WIDE uint8_t parse_eight(const char *bytes, const uint32_t *ends,
                                               uint8_t integers, uint64_t values[CSV_LANES],
                                               uint8_t *odd) {
  *odd = 0;
  if (ends[CSV_LANES - 1] - (ends[-1] + 1) > BLOCK) return 0xff;
  Texts texts = texts_eight(bytes, ends);
  Eight eight = digits_eight(texts.digit, texts.n, texts.longer);
  __m512d real = quotient(_mm512_cvtepi64_pd(eight.number), eight.point, eight.pointed);
  _mm512_storeu_si512(values,
                      _mm512_mask_mov_epi64(_mm512_castpd_si512(real), integers, eight.number));
  *odd = texts.good & (uint8_t)~eight.good;
  return (uint8_t) ~(texts.good & eight.good & ~(integers & eight.pointed));
}

/* Those of `lanes` that end with e-00 .. e-09: a quotient of exact doubles. What was made. */
static inline NUMBERS_WIDE uint8_t parse_tails(const char *bytes, const uint32_t *ends,
                                               uint8_t lanes, double values[CSV_LANES]) {
  enum { TAIL = 4 };
  const __m512d low = _mm512_setr_pd(1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7);
  const __m512d high = _mm512_setr_pd(1e8, 1e9, 0, 0, 0, 0, 0, 0);
  const __m512d tens = _mm512_setr_pd(1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1, 1e7); /* as in quotient */
  Texts texts = texts_eight(bytes, ends);
  __m512i letters = _mm512_and_si512(texts.digit, _mm512_set1_epi64(0x00ffffff00000000));
  __m512i wanted = _mm512_set1_epi64((int64_t)('e' ^ '0') << 32 | (int64_t)('-' ^ '0') << 40);
  __m512i exponent = _mm512_srli_epi64(texts.digit, 56);
  lanes &= texts.good & _mm512_cmpeq_epi64_mask(letters, wanted) &
           _mm512_cmple_epu64_mask(exponent, _mm512_set1_epi64(9)) &
           _mm256_cmpge_epu32_mask(texts.longer, _mm256_set1_epi32(TAIL + 2));
  Eight eight = digits_eight(_mm512_slli_epi64(texts.digit, 8 * TAIL),
                             _mm512_sub_epi8(texts.n, _mm512_set1_epi8(TAIL)),
                             _mm256_sub_epi32(texts.longer, _mm256_set1_epi32(TAIL)));
  __m512i at = _mm512_srli_epi64(_mm512_castpd_si512(_mm512_cvtepi64_pd(eight.point)), 52 + 3);
  __m512d fraction = _mm512_mask_permutexvar_pd(_mm512_set1_pd(1), eight.pointed, at, tens);
  __m512d divisor = _mm512_mul_pd(_mm512_permutex2var_pd(low, exponent, high), fraction);
  _mm512_storeu_pd(values, _mm512_div_pd(_mm512_cvtepi64_pd(eight.number), divisor));
  return lanes & eight.good;
}

/* Make what can be made of the `n` records in window->odd. They are done after all others: a branch
 * to them would be hard to predict, and what it waits for would hold up the records behind. */
static NUMBERS_WIDE void add_tails(CsvWindow *window, const CsvBatch *batch, int64_t row,
                                   int64_t n) {
  const uint8_t reals = window->wanted & (uint8_t)~window->integers;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = window->odd[i];
    double values[CSV_LANES];
    const uint32_t *ends = batch->ends + batch->first[k] + window->field;
    uint8_t made = parse_tails(batch->bytes, ends, window->left[k] & reals, values);
    window->left[k] &= (uint8_t)~made;
    for (unsigned lanes = made; lanes; lanes &= lanes - 1) {
      int lane = __builtin_ctz(lanes);
      window->builder[lane]->column->real[row + k] = values[lane];
    }
  }
}

/* How many records are noted in window->odd. */
static NUMBERS_WIDE int64_t add_window(CsvWindow *window, const CsvBatch *batch, int64_t row,
                                       const uint8_t *reason) {
  const uint8_t reals = window->wanted & (uint8_t)~window->integers;
  int64_t n_odd = 0;
  uint64_t values[ROWS][CSV_LANES] = {{0}};
  for (int64_t k = 0; k < batch->n; k += ROWS) {
    int64_t here = smaller(ROWS, batch->n - k);
    for (int64_t r = 0; r < here; r++) {
      const uint32_t *ends = batch->ends + batch->first[k + r] + window->field;
      uint8_t odd = 0;
      window->left[k + r] = 0xff;
      if (reason[k + r] == CSV_GOOD)
        window->left[k + r] = parse_eight(batch->bytes, ends, window->integers, values[r], &odd);
      window->odd[n_odd] = (uint32_t)(k + r);
      n_odd += (odd & reals) != 0;
    }
    for (int lane = 0; lane < CSV_LANES; lane++) {
      if (!window->builder[lane]) continue;
      double *to =
          window->builder[lane]->column->real + row + k; /* or integers: bits all the same */
      for (int64_t r = 0; r < here; r++) memcpy(&to[r], &values[r][lane], sizeof *to);
    }
  }
  return n_odd;
}

Status csv_numbers_add(CsvNumbers *numbers, const CsvBatch *batch, int64_t row,
                       const uint8_t *reason) {
  Status status = OK;
  for (int64_t w = 0; w < numbers->n; w++) {
    CsvWindow *window = &numbers->windows[w];
    int64_t same = window->capacity;
    TRY(RESERVE_RAW(&window->odd, &same, 0, batch->n + 1));
    TRY(RESERVE_RAW(&window->left, &window->capacity, 0, batch->n + 1));
    add_tails(window, batch, row, add_window(window, batch, row, reason));
    uint8_t any = 0;
    for (int64_t k = 0; k < batch->n; k++) any |= window->left[k];
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
