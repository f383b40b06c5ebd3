/* Numbers as people read them: enough digits and no more; see report_parts.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report_parts.h"

#define MINUS "\xe2\x88\x92"
#define EN_DASH "\xe2\x80\x93"

enum { MOST_DECIMALS = 8 };

int number_decimals(double size) {
  size = fabs(size);
  if (!(size > 0) || !isfinite(size)) return 0;
  int power = (int)floor(log10(size));
  if (power >= 4) return 0;
  if (power == 3) return 1;
  int decimals = 3 - power - (power < 0);
  return decimals < MOST_DECIMALS ? decimals : MOST_DECIMALS;
}

static bool is_whole(double value) { return value == rint(value); }

/* Digits with commas between thousands. */
static void write_grouped(Text *page, const char *digits) {
  size_t whole = strcspn(digits, ".");
  for (size_t i = 0; i < whole; i++) {
    if (i > 0 && (whole - i) % 3 == 0) text_add(page, ",");
    text_add_n(page, digits + i, 1);
  }
  text_add(page, digits + whole);
}

void number_write_power(Text *page, double value) {
  int power = (int)floor(log10(fabs(value)) + 1e-12);
  char digits[32];
  snprintf(digits, sizeof digits, "%.3g", fabs(value) / pow(10, power));
  text_format(page, "%s%se%s%d", value < 0 ? MINUS : "", digits, power < 0 ? MINUS : "",
              abs(power));
}

void number_write(Text *page, double value, int decimals) {
  char digits[64];
  if (isnan(value)) {
    text_add(page, EN_DASH);
    return;
  }
  if (isinf(value)) {
    text_add(page, value > 0 ? "\xe2\x88\x9e" : MINUS "\xe2\x88\x9e");
    return;
  }
  double size = fabs(value);
  bool hidden = size > 0 && size < 0.5 * pow(10, -MOST_DECIMALS) && decimals >= MOST_DECIMALS;
  if (size >= 1e15 || hidden) {
    number_write_power(page, value);
    return;
  }
  snprintf(digits, sizeof digits, "%.*f", decimals, size);
  bool shows_zero = strspn(digits, "0.") == strlen(digits);
  if (value < 0 && !shows_zero) text_add(page, MINUS);
  write_grouped(page, digits);
}

void number_write_alone(Text *page, double value) {
  number_write(page, value, is_whole(value) ? 0 : number_decimals(value));
}

void number_write_short(Text *page, double value, int decimals) {
  static const struct {
    double size;
    const char *suffix;
  } units[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  double size = fabs(value);
  for (size_t u = 0; size >= 1e4 && size < 1e15 && u < sizeof units / sizeof *units; u++) {
    if (size < units[u].size) continue;
    double scaled = value / units[u].size;
    number_write(page, scaled, is_whole(scaled) ? 0 : is_whole(10 * scaled) ? 1 : 2);
    text_add(page, units[u].suffix);
    return;
  }
  number_write(page, value, decimals);
}

void number_write_percent(Text *page, double share) {
  if (share > 0 && share < 0.0005) {
    text_add(page, "&lt;0.1%");
    return;
  }
  number_write(page, 100 * share, 1);
  if (isfinite(share)) text_add(page, "%");
}

void number_write_seconds(Text *page, double seconds) {
  if (!(seconds >= 0) || !(seconds < 1e9)) {
    text_add(page, EN_DASH);
  } else if (seconds < 59.95) {
    number_write(page, seconds, seconds < 9.995 ? 2 : 1);
    text_add(page, " s");
  } else {
    long long whole = llround(seconds);
    if (whole < 3600)
      text_format(page, "%lld min %lld s", whole / 60, whole % 60);
    else
      text_format(page, "%lld h %lld min", whole / 3600, whole % 3600 / 60);
  }
}

int metric_decimals(const Metric *metric) {
  double half = (metric->high - metric->low) / 2;
  if (is_whole(metric->value) && !(half > 0)) return 0;
  if (!(half > 0) || !isfinite(half)) return number_decimals(metric->value);
  int decimals = -(int)floor(log10(half / 2) + 1e-9);
  if (decimals < 0) return 0;
  return decimals < MOST_DECIMALS ? decimals : MOST_DECIMALS;
}

/* How much a metric can say about decimals: -1 nothing. */
static int metric_rank(const Metric *metric) {
  bool interval = metric->high > metric->low;
  if (!interval && (is_whole(metric->value) || !isfinite(metric->value))) return -1;
  return 2 * interval + !words_is_constant(metric->split);
}

const Metric *metric_standard(const Metric *standard, const Metric *metric) {
  if (!metric) return standard;
  return !standard || metric_rank(metric) > metric_rank(standard) ? metric : standard;
}

void metric_write_interval(Text *page, const Metric *metric, int decimals, const char *before,
                           const char *after) {
  if (isnan(metric->low) || isnan(metric->high)) return;
  text_add(page, before);
  number_write(page, metric->low, decimals);
  text_add(page, " to ");
  number_write(page, metric->high, decimals);
  text_add(page, after);
}
