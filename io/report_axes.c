/* Scales, ticks and the frame of a chart; see report_parts.h.
 *
 * Drawings are about as wide as a phone, so that their words stay readable when they shrink to fit,
 * and colours come from style classes, so that one drawing serves light and dark pages. */
#include <math.h>
#include <string.h>

#include "report_parts.h"

enum { MOST_TICK_DECIMALS = 3 };

double scale_at(const Scale *scale, double value) {
  double width = scale->high - scale->low;
  double share = width != 0 ? (value - scale->low) / width : 0.5;
  return scale->from + share * (scale->to - scale->from);
}

bool range_widen(const double *values, int64_t n, double *low, double *high) {
  for (int64_t i = 0; values && i < n; i++) {
    if (!isfinite(values[i])) continue;
    *low = fmin(*low, values[i]);
    *high = fmax(*high, values[i]);
  }
  return *low <= *high;
}

/* Steps of 1, 2 or 5 times a power of ten. */
Ticks ticks_of(double low, double high, int most) {
  double raw = (high - low) / most;
  if (!(raw > 0) || !isfinite(raw)) return (Ticks){.first = low, .step = 1, .n = 1};
  double power = pow(10, floor(log10(raw))), step = power;
  if (raw > power) step = 2 * power;
  if (raw > 2 * power) step = 5 * power;
  if (raw > 5 * power) step = 10 * power;
  double first = ceil(low / step - 1e-9), last = floor(high / step + 1e-9);
  int exponent = (int)floor(log10(step) + 1e-9);
  return (Ticks){.first = first * step,
                 .step = step,
                 .n = (int)(last - first) + 1,
                 .decimals = exponent < 0 ? (exponent > -8 ? -exponent : 8) : 0};
}

/* Columns that a character takes: two for those of East Asian scripts and emoji. */
static int columns_of(const unsigned char *p) { return p[0] >= 0xe1 && p[0] != 0xe2 ? 2 : 1; }

void frame_write_cut(Text *page, const char *words, int most) {
  const char *fits = words, *p = words;
  int used = 0;
  while (*p) {
    int columns = columns_of((const unsigned char *)p);
    if (used + columns > most) {
      text_html_n(page, words, fits - words);
      text_add(page, "\xe2\x80\xa6");
      return;
    }
    used += columns;
    p++;
    while ((*p & 0xc0) == 0x80) p++;
    if (used < most) fits = p;
  }
  text_html(page, words);
}

void frame_text(const Frame *frame, double x, double y, const char *class, const char *words) {
  text_format(frame->page, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
  text_html(frame->page, words);
  text_add(frame->page, "</text>");
}

void frame_open(const Frame *frame, const char *class, const char *description) {
  Text *page = frame->page;
  const Series *s = frame->series;
  text_format(page, "<figure class=\"box %s\"><figcaption>", class);
  text_html(page, s->title[0] ? s->title : s->name);
  text_format(page,
              "</figcaption><div class=\"drawing\"><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" "
              "aria-label=\"",
              frame->width, frame->height);
  text_html(page, s->title[0] ? s->title : s->name);
  text_add(page, ". ");
  text_html(page, description);
  text_add(page, "\">\n");
}

void frame_close(const Frame *frame, const char *remark) {
  text_add(frame->page, "\n</svg></div>");
  if (remark) {
    text_add(frame->page, "<p class=\"soft\">");
    text_html(frame->page, remark);
    text_add(frame->page, "</p>");
  }
  text_add(frame->page, "</figure>\n");
}

static void tick_label(const Frame *frame, double x, double y, const char *class, double value,
                       int decimals) {
  text_format(frame->page, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
  if (decimals > MOST_TICK_DECIMALS && value != 0)
    number_write_power(frame->page, value);
  else
    number_write_short(frame->page, value, value != 0 ? decimals : 0);
  text_add(frame->page, "</text>");
}

/* Rounding must not make a tick of 1e-17 out of the one at 0. */
static double tick_value(const Ticks *ticks, int t) {
  double value = ticks->first + t * ticks->step;
  return fabs(value) < 1e-9 * ticks->step ? 0 : value;
}

void frame_axes(const Frame *frame, int x_ticks, int y_ticks) {
  const Scale *x = &frame->x, *y = &frame->y;
  Ticks along = ticks_of(x->low, x->high, x_ticks), up = ticks_of(y->low, y->high, y_ticks);
  for (int t = 0; t < up.n; t++) {
    double value = tick_value(&up, t), at = scale_at(y, value);
    text_format(frame->page, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", x->from, at, x->to);
    tick_label(frame, x->from - 7, at + 4, "end", value, up.decimals);
  }
  for (int t = 0; t < along.n; t++) {
    double value = tick_value(&along, t), at = scale_at(x, value);
    text_format(frame->page, "<path class=\"tick\" d=\"M%.1f %.1fv4\"/>", at, y->from);
    tick_label(frame, at, y->from + 18, "mid", value, along.decimals);
  }
  text_format(frame->page, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>", x->from, y->from, x->to);
  frame_text(frame, (x->from + x->to) / 2, y->from + 37, "mid name", frame->series->x_label);
  text_format(frame->page, "<text class=\"mid name\" transform=\"translate(11 %.1f) rotate(-90)\">",
              (y->from + y->to) / 2);
  text_html(frame->page, frame->series->y_label);
  text_add(frame->page, "</text>\n");
}
