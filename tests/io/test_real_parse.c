/* Doubles from text: bit for bit what strtod gives, on hard cases and on a million random ones. */
#include <stdlib.h>

#include "io/real_four.h"
#include "io/real_parse.h"
#include "tests/check.h"

static uint64_t state;

static uint64_t next(void) {
  uint64_t x = state += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static void same(const char *text) {
  double got = -1, want = strtod(text, NULL);
  NumberParse verdict = real_parse(text, (int64_t)strlen(text), &got);
  check_count++;
  if (isinf(want)) {
    CHECK_INTEGER(verdict, NUMBER_RANGE);
  } else if (verdict != NUMBER_OK || memcmp(&got, &want, sizeof got) != 0) {
    check_failures++;
    fprintf(stderr, "\"%s\": %.17g, expected %.17g\n", text, got, want);
  }
}

/* The short form agrees with the general one wherever it answers, and answers when it should. */
static void test_short(void) {
  static const char alphabet[] = "0123456789.-+e/:";
  char text[32];
  for (int i = 0; i < 2000000; i++) {
    int n = (int)(next() % 11);
    memset(text, (int)next(), sizeof text);
    for (int j = 0; j < n; j++) text[j] = alphabet[next() % (next() % 8 ? 11 : 16)];
    double got = 5, want = 5;
    bool answered = real_parse_short(text, n, &got);
    NumberParse verdict = real_parse(text, n, &want);
    bool plain = verdict == NUMBER_OK && n - (*text == '-') <= 8 && !memchr(text, 'e', (size_t)n) &&
                 *text != '+';
    if (answered != plain || (answered && memcmp(&got, &want, sizeof got) != 0))
      fprintf(stderr, "\"%.*s\": %d %.17g, expected %d %.17g\n", n, text, answered, got, plain,
              want);
    int64_t whole = 5, exact = 5;
    bool short_integer = integer_parse_short(text, n, &whole);
    bool integer =
        integer_parse(text, n, &exact) == NUMBER_OK && *text != '+' && n - (*text == '-') <= 8;
    CHECK(short_integer == integer && whole == (integer ? exact : 5));
    CHECK(answered == plain && (!answered || memcmp(&got, &want, sizeof got) == 0));
    /* The same text with a small exponent behind it. */
    n += sprintf(text + n, "e-%02d", (int)(next() % 20));
    bool tiny = real_parse_tiny(text, n, &got);
    verdict = real_parse(text, n, &want);
    bool small = plain && (text[n - 2] == '0' || text[n - 1] <= '5');
    CHECK(tiny == small && (!tiny || (verdict == NUMBER_OK && memcmp(&got, &want, 8) == 0)));
  }
}

static void none(const char *text) {
  double value;
  if (real_parse(text, (int64_t)strlen(text), &value) != NUMBER_NONE) fprintf(stderr, "%s\n", text);
  CHECK_INTEGER(real_parse(text, (int64_t)strlen(text), &value), NUMBER_NONE);
}

static void test_cases(void) {
  const char *const cases[] = {"0",
                               "-0",
                               "0.0",
                               "-0.0e5",
                               "1",
                               "-1",
                               "+1",
                               "1.",
                               ".5",
                               "0.1",
                               "0.3",
                               "123.456",
                               "1e22",
                               "1e23",
                               "1.01e-06",
                               "-17.235",
                               "9007199254740993",
                               "9007199254740992",
                               "9007199254740991",
                               "9007199254740993.0",
                               "9007199254740992.9999999999",
                               "18446744073709551615",
                               "18446744073709551616",
                               "0.50000000000000000",
                               "0.500000000000000000000000000000001",
                               "1.7976931348623157e308",
                               "1.7976931348623158e308",
                               "1.7976931348623159e308",
                               "1e309",
                               "1e99999",
                               "2.2250738585072014e-308",
                               "2.2250738585072011e-308",
                               "4.9e-324",
                               "2.4703282292062327e-324",
                               "2.4703282292062328e-324",
                               "1e-400",
                               "1e-99999999999999999999",
                               "0e99999999999999999999",
                               "0.000000000000000000000000000000000000000001",
                               "100000000000000000000000000000000000000000000",
                               "6.631236846766476e-316",
                               "3.2378839133029012895883524125015321748630094231e-319",
                               "8.98846567431158e307",
                               "7.2057594037927933e16",
                               "5e-20",
                               "67e14",
                               "985e15",
                               "9214843084008499",
                               "4503599627370496.5",
                               "4503599627370497.5",
                               "2251799813685248.25",
                               "1125899906842624.125",
                               "0.1000000000000000055511151231257827",
                               "1.00000000000000011102230246251565404236316680908203125",
                               "1.00000000000000011102230246251565404236316680908203124",
                               "1.00000000000000011102230246251565404236316680908203126",
                               "00000000000000000000000000001.5"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) same(cases[i]);
  const char *const bad[] = {"",      "-",     "+",     ".",   "e5",  "1e", "1e+",
                             "1.2.3", "12o.5", "0x10",  "inf", "nan", "1 ", " 1",
                             "1,5",   "--1",   "1e5.5", "-.",  "1f"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) none(bad[i]);
  char text[2000];
  memset(text, '9', sizeof text);
  text[1] = '.';
  text[1990] = 0;
  same(text);
  /* A tie that only the 900th digit breaks. */
  memset(text, '0', sizeof text);
  memcpy(text, "9007199254740993.", 17);
  text[900] = '1';
  text[901] = 0;
  same(text);
}

#ifdef __AVX2__
/* Four texts side by side as in a batch: what is answered is right to the bit, and every number of
 * at most eight characters without sign and exponent is answered unless a point stands in front. */
static void test_four(void) {
  static const char alphabet[] = "0123456789.-+e/:,\"";
  for (int round = 0; round < 300000; round++) {
    char bytes[128];
    uint32_t ends[5] = {UINT32_MAX};
    const uint32_t *end[4];
    memset(bytes, (int)next(), sizeof bytes);
    for (int i = 0; i < 4; i++) {
      uint32_t begin = ends[i] + 1, n = (uint32_t)(next() % 11);
      uint64_t kinds = next() % 8 ? 11 : 18, signs = next() % 4;
      for (uint32_t j = 0; j < n; j++) bytes[begin + j] = alphabet[next() % kinds];
      if (n > 0 && signs == 0) bytes[begin] = '-';
      ends[i + 1] = begin + n;
      end[i] = &ends[i + 1];
    }
    double reals[4];
    int64_t integers[4];
    unsigned no_real = real_parse_four(bytes, end, reals);
    unsigned no_integer = integer_parse_four(bytes, end, integers);
    for (int i = 0; i < 4; i++) {
      const char *text = bytes + (uint32_t)(ends[i] + 1);
      int64_t n = ends[i + 1] - (uint32_t)(ends[i] + 1), integer = 0;
      double real = 0;
      bool short_real = real_parse_short(text, n, &real) && n <= 8;
      bool short_integer = integer_parse_short(text, n, &integer) && n <= 8;
      if (no_real >> i & 1)
        CHECK(!short_real || *text == '.');
      else
        CHECK(short_real && memcmp(&real, &reals[i], sizeof real) == 0);
      if (no_integer >> i & 1)
        CHECK(!short_integer);
      else
        CHECK(short_integer && integer == integers[i]);
    }
  }
}
#endif

/* Neighbours of ties: halves between doubles written with all their digits, and one more. */
static void test_ties(void) {
  for (int i = 0; i < 2000; i++) {
    uint64_t mantissa = (UINT64_C(1) << 52 | next() >> 12) * 2 + 1;
    int shift = (int)(next() % 60);
    char text[128], more[160];
    snprintf(text, sizeof text, "%.60Lf",
             (long double)mantissa / (long double)(UINT64_C(1) << shift));
    same(text);
    snprintf(more, sizeof more, "%s1", text);
    same(more);
  }
}

static void test_random(void) {
  char text[64];
  for (int i = 0; i < 300000; i++) {
    uint64_t bits = next();
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) continue;
    snprintf(text, sizeof text, "%.*g", 1 + (int)(next() % 20), value);
    same(text);
    snprintf(text, sizeof text, "%llu.%06llue%d", (unsigned long long)(next() >> next() % 64),
             (unsigned long long)(next() % 1000000), (int)(next() % 120) - 60);
    same(text);
    snprintf(text, sizeof text, "%.17g", (double)(next() >> 11) / 9007199254740992.0);
    same(text);
  }
}

static void test_integers(void) {
  int64_t value = 7;
  CHECK_INTEGER(integer_parse("-0012", 5, &value), NUMBER_OK);
  CHECK_INTEGER(value, -12);
  CHECK_INTEGER(integer_parse("9223372036854775807", 19, &value), NUMBER_OK);
  CHECK_INTEGER(value, INT64_MAX);
  CHECK_INTEGER(integer_parse("-9223372036854775807", 20, &value), NUMBER_OK);
  CHECK_INTEGER(value, -INT64_MAX);
  CHECK_INTEGER(integer_parse("-9223372036854775808", 20, &value), NUMBER_RANGE);
  CHECK_INTEGER(integer_parse("9223372036854775808", 19, &value), NUMBER_RANGE);
  CHECK_INTEGER(integer_parse("99999999999999999999999", 23, &value), NUMBER_RANGE);
  CHECK_INTEGER(integer_parse("1844674407370955162x", 20, &value), NUMBER_NONE);
  CHECK_INTEGER(integer_parse("", 0, &value), NUMBER_NONE);
  CHECK_INTEGER(integer_parse("-", 1, &value), NUMBER_NONE);
  CHECK_INTEGER(integer_parse("1.0", 3, &value), NUMBER_NONE);
}

int main(void) {
  const char *seed = getenv("SEED");
  state = seed ? strtoull(seed, NULL, 10) : 20240607;
  printf("seed %llu\n", (unsigned long long)state);
  test_short();
#ifdef __AVX2__
  test_four();
#endif
  test_cases();
  test_ties();
  test_random();
  test_integers();
  return check_report("real_parse");
}
