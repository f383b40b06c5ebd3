/* Dates that may lack a day or a month: year * 10000 + month * 100 + day, 0 where not given.
 *
 * Release dates come as 2019, 2019-06 and 2019-06-14. Keeping the given parts keeps the decision
 * what a missing part means in one place: date_days, the middle of what is given. */
#include "table.h"

#include <stdio.h>

static bool leap(int32_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int32_t days_in_month(int32_t year, int32_t month) {
  static const int8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : days[month - 1];
}

/* -1 when one of the n bytes is no digit. */
static int32_t digits(const char *bytes, int n) {
  int32_t value = 0;
  for (int i = 0; i < n; i++) {
    if (bytes[i] < '0' || bytes[i] > '9') return -1;
    value = value * 10 + (bytes[i] - '0');
  }
  return value;
}

bool date_parse(const char *bytes, int64_t n, int32_t *date) {
  if (n != 4 && n != 7 && n != 10) return false;
  int32_t year = digits(bytes, 4), month = 0, day = 0;
  if (year < 0) return false;
  if (n >= 7) {
    month = digits(bytes + 5, 2);
    if (bytes[4] != '-' || month < 1 || month > 12) return false;
  }
  if (n == 10) {
    day = digits(bytes + 8, 2);
    if (bytes[7] != '-' || day < 1 || day > days_in_month(year, month)) return false;
  }
  *date = year * 10000 + month * 100 + day;
  return true;
}

/* Years begin in March here, so that the leap day is the last of its year; eras of 400 years have
 * 146,097 days (the proleptic Gregorian calendar). */
int64_t date_days(int32_t date) {
  int64_t year = date / 10000, month = date / 100 % 100, day = date % 100;
  if (month == 0) {
    month = 7;
    day = 1;
  } else if (day == 0) {
    day = 15;
  }
  if (month <= 2) year--;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

void date_text(int32_t date, char text[16]) {
  int year = date / 10000, month = date / 100 % 100, day = date % 100;
  text[0] = 0;
  if (date == MISSING_DATE) return;
  if (month == 0)
    snprintf(text, 16, "%04d", year);
  else if (day == 0)
    snprintf(text, 16, "%04d-%02d", year, month);
  else
    snprintf(text, 16, "%04d-%02d-%02d", year, month, day);
}
