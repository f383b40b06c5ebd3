/* Dates: parsing, refusing, counting days against a plain count. */
#include "kernels/table/table.h"
#include "tests/check.h"

static bool parse(const char *text, int32_t *date) {
  return date_parse(text, (int64_t)strlen(text), date);
}

static void test_parse(void) {
  static const struct {
    const char *text;
    int32_t date;
  } good[] = {
      {"2019", 20190000},       {"2019-06", 20190600},    {"2019-06-14", 20190614}, {"0000", 0},
      {"2000-02-29", 20000229}, {"2024-02-29", 20240229}, {"9999-12-31", 99991231}};
  static const char *const bad[] = {"",           "201",        "20190",      "2019-",
                                    "2019-13",    "2019-00",    "2019-06-00", "2019-02-29",
                                    "1900-02-29", "2019-02-30", "2019-04-31", "2019/06",
                                    "2019-06/14", "2019-6-14",  "x019",       "2019-0x",
                                    "2019-06-1x", "-019",       "2019-06-14 "};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int32_t date = -1;
    char text[16];
    CHECK(parse(good[i].text, &date));
    CHECK_INTEGER(date, good[i].date);
    date_text(date, text);
    CHECK_TEXT(text, good[i].text);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int32_t date = -1;
    CHECK(!parse(bad[i], &date));
    CHECK_INTEGER(date, -1);
  }
}

/* Every day of 1899 to 2101 that can be written follows the one before. */
static void test_days(void) {
  int64_t days = 0;
  bool first = true;
  CHECK_INTEGER(date_days(19700101), 0);
  CHECK_INTEGER(date_days(20000301), 11017);
  CHECK_INTEGER(date_days(19691231), -1);
  CHECK_INTEGER(date_days(101), -719528);
  CHECK_INTEGER(date_days(20190000), date_days(20190701));
  CHECK_INTEGER(date_days(20190200), date_days(20190215));
  for (int year = 1899; year <= 2101; year++)
    for (int month = 1; month <= 12; month++)
      for (int day = 1; day <= 31; day++) {
        char text[64];
        int32_t date = 0;
        snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
        if (!parse(text, &date)) continue;
        if (!first) CHECK_INTEGER(date_days(date), days + 1);
        days = date_days(date);
        first = false;
      }
  char text[16] = "x";
  date_text(MISSING_DATE, text);
  CHECK_TEXT(text, "");
}

int main(void) {
  test_parse();
  test_days();
  return check_report("date");
}
