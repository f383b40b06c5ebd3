/* Heat maps: predicted against true, confusion; see report_parts.h.
 *
 * Colours lie on a line of even steps in lightness (OKLab, Ottosson 2020, "A perceptual color space
 * for image processing"), with a turn of hue; pale is little on a light page, dark is little on a
 * dark one. A cell without anything stays empty. Counts spread over more than two powers of ten are
 * coloured by their logarithm, a square map with the same names on both sides (confusion) by share
 * of the row, since classes differ in size. Where values lie on both sides of 0 there are two hues,
 * and 0 is the palest (on a dark page the darkest) in their middle.
 *
 * Cells of one colour are one path; the few numbers behind them stand beside for the tooltip. A
 * rectangle with a title for each would make the file ten times larger. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "report_parts.h"

enum {
  LEVELS = 16,
  SIDES = 15, /* levels of both signs; the middle one holds 0 */
  MOST_CELLS = 40000,
  MOST_TIPS = 10000,
  SMALL = 12, /* classes up to which cells hold their numbers */
  SIDE = 320,
  WIDE_SIDE = 600
};

typedef enum Shade { SHADE_STRAIGHT, SHADE_LOG, SHADE_ROWS, SHADE_SIGNED } Shade;

typedef struct Heatmap {
  const Series *s;
  Frame frame;
  Shade shade;
  double low, high; /* of what is coloured */
  bool from_zero;   /* no value is below 0: 0 stays empty */
  bool wide;
  double *row_sum;
  double legend_x;
} Heatmap;

/* ---- colours ---- */

static double gamma_of(double linear) {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
}

/* Linear sRGB of lightness, chroma, hue in degrees; false outside of what screens show. */
static bool linear_of(double lightness, double chroma, double hue, double rgb[3]) {
  double angle = hue * 3.14159265358979323846 / 180;
  double a = chroma * cos(angle), b = chroma * sin(angle);
  double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  rgb[0] = 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s;
  rgb[1] = -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s;
  rgb[2] = -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s;
  for (int c = 0; c < 3; c++)
    if (rgb[c] < -1e-6 || rgb[c] > 1 + 1e-6) return false;
  return true;
}

static void write_colour(Text *page, double lightness, double chroma, double hue) {
  double rgb[3];
  while (!linear_of(lightness, chroma, hue, rgb) && chroma > 0) chroma -= 0.005;
  text_add(page, "#");
  for (int c = 0; c < 3; c++) {
    double level = gamma_of(fmin(fmax(rgb[c], 0), 1));
    text_format(page, "%02x", (unsigned)lrint(255 * level));
  }
}

/* share 0: pale yellow, 1: deep blue. */
static void write_sequential(Text *page, double share) {
  write_colour(page, 0.95 - 0.67 * share, 0.07 + 0.06 * fmin(1, 3 * share), 105 + 175 * share);
}

/* side -1: orange, 0: no hue, 1: blue. */
static void write_diverging(Text *page, double side, bool dark) {
  double size = fabs(side), lightness = dark ? 0.3 + 0.5 * size : 0.96 - 0.5 * size;
  write_colour(page, lightness, 0.005 + 0.15 * size, side < 0 ? 50 : 250);
}

static void write_levels(Text *page, bool dark) {
  for (int l = 0; l < LEVELS; l++) {
    double share = (double)l / (LEVELS - 1);
    text_format(page, ".m%d{fill:", l);
    write_sequential(page, dark ? 1 - share : share);
    text_add(page, "}");
  }
  for (int l = 0; l < SIDES; l++) {
    text_format(page, ".s%d{fill:", l);
    write_diverging(page, 2.0 * l / (SIDES - 1) - 1, dark);
    text_add(page, "}");
  }
}

void heatmap_write_style(Text *page) {
  write_levels(page, false);
  text_add(page, "\n@media (prefers-color-scheme:dark){");
  write_levels(page, true);
  text_add(page, "}\n");
}

/* ---- which colour ---- */

static int levels_of(const Heatmap *map) { return map->shade == SHADE_SIGNED ? SIDES : LEVELS; }

static char letter_of(const Heatmap *map) { return map->shade == SHADE_SIGNED ? 's' : 'm'; }

static double shown_value(const Heatmap *map, int64_t i, int64_t j) {
  double value = map->s->z[i * map->s->n_x + j];
  if (map->shade != SHADE_ROWS) return value;
  return map->row_sum[i] > 0 ? value / map->row_sum[i] : 0;
}

/* -1: empty */
static int level_of(const Heatmap *map, double value) {
  if (!isfinite(value) || (map->from_zero && !(value > 0))) return -1;
  double share = (value - map->low) / (map->high - map->low);
  if (map->shade == SHADE_LOG) share = log(value / map->low) / log(map->high / map->low);
  if (!(map->high > map->low)) share = 1;
  int levels = levels_of(map), level = (int)(share * levels);
  return level < 0 ? 0 : level >= levels ? levels - 1 : level;
}

static bool same_names(const Series *s) {
  if (!s->x_names || !s->y_names || s->n_x != s->n_y) return false;
  for (int64_t i = 0; i < s->n_x; i++)
    if (strcmp(s->x_names[i], s->y_names[i]) != 0) return false;
  return true;
}

static void choose_shade(Heatmap *map) {
  const Series *s = map->s;
  double least = INFINITY, low = INFINITY, high = -INFINITY;
  for (int64_t k = 0; k < s->n_x * s->n_y; k++)
    if (s->z[k] > 0 && isfinite(s->z[k])) least = fmin(least, s->z[k]);
  range_widen(s->z, s->n_x * s->n_y, &low, &high);
  map->from_zero = low >= 0;
  map->shade = SHADE_STRAIGHT;
  if (map->from_zero && same_names(s))
    map->shade = SHADE_ROWS;
  else if (map->from_zero && high >= 100 * least)
    map->shade = SHADE_LOG;
  else if (low < 0 && high > 0)
    map->shade = SHADE_SIGNED;
  map->low = map->shade == SHADE_LOG ? least : map->from_zero ? 0 : low;
  map->high = high;
  if (map->shade == SHADE_SIGNED) {
    map->high = fmax(high, -low);
    map->low = -map->high;
  }
  if (map->shade != SHADE_ROWS) return;
  map->high = 0;
  for (int64_t i = 0; i < s->n_y; i++)
    for (int64_t j = 0; j < s->n_x; j++) {
      double share = shown_value(map, i, j);
      if (isfinite(share)) map->high = fmax(map->high, share);
    }
}

/* ---- drawing ---- */

static double edge(const Scale *scale, const double *edges, int64_t i) {
  return scale_at(scale, edges ? edges[i] : (double)i);
}

static void write_level(const Heatmap *map, int level) {
  const Series *s = map->s;
  Text *page = map->frame.page;
  bool any = false;
  for (int64_t i = 0; i < s->n_y; i++) {
    double top = edge(&map->frame.y, s->y, i + 1), bottom = edge(&map->frame.y, s->y, i);
    for (int64_t j = 0, end = 0; j < s->n_x; j = end) {
      end = j + 1;
      if (level_of(map, shown_value(map, i, j)) != level) continue;
      while (end < s->n_x && level_of(map, shown_value(map, i, end)) == level) end++;
      if (!any) text_format(page, "<path class=\"%c%d\" d=\"", letter_of(map), level);
      any = true;
      double left = edge(&map->frame.x, s->x, j), right = edge(&map->frame.x, s->x, end);
      text_format(page, "M%.1f %.1fH%.1fV%.1fH%.1fz", left, top, right, bottom, left);
    }
  }
  if (any) text_add(page, "\"/>");
}

static void write_name(const Heatmap *map, int64_t i, bool below, double size) {
  const Series *s = map->s;
  const Scale *scale = below ? &map->frame.x : &map->frame.y;
  double at = scale_at(scale, (double)i + 0.5);
  char *const *names = below ? s->x_names : s->y_names;
  Text *page = map->frame.page;
  if (below)
    text_format(page,
                "<text class=\"end\" style=\"font-size:%gpx\" transform=\"translate(%.1f %.1f) "
                "rotate(-45)\">",
                size, at + 3, map->frame.y.from + 12);
  else
    text_format(page, "<text class=\"end\" style=\"font-size:%gpx\" x=\"%.1f\" y=\"%.1f\">", size,
                map->frame.x.from - 6, at + 4);
  frame_write_cut(page, names[i], 16);
  text_add(page, "</text>");
}

static void write_named_axes(const Heatmap *map) {
  const Series *s = map->s;
  const Frame *frame = &map->frame;
  double size = s->n_x > 20 ? 11 : 12;
  for (int64_t j = 0; s->x_names && j < s->n_x; j++) write_name(map, j, true, size);
  for (int64_t i = 0; s->y_names && i < s->n_y; i++) write_name(map, i, false, size);
  frame_text(frame, (frame->x.from + frame->x.to) / 2, frame->height - 8, "mid name", s->x_label);
  text_format(frame->page, "<text class=\"mid name\" transform=\"translate(11 %.1f) rotate(-90)\">",
              (frame->y.from + frame->y.to) / 2);
  text_html(frame->page, s->y_label);
  text_add(frame->page, "</text>\n");
}

/* Where both axes mean the same, what is right lies on the diagonal. */
static void write_diagonal(const Heatmap *map) {
  const Frame *frame = &map->frame;
  bool same =
      map->s->x && map->s->y && frame->x.low == frame->y.low && frame->x.high == frame->y.high;
  if (same)
    text_format(frame->page, "<path class=\"diagonal\" d=\"M%.1f %.1fL%.1f %.1f\"/>", frame->x.from,
                frame->y.from, frame->x.to, frame->y.to);
}

static int legend_decimals(double value) {
  if (fabs(value) >= 10 || value == rint(value)) return 0;
  return fabs(value) >= 1 ? 1 : number_decimals(value);
}

static void write_legend(const Heatmap *map) {
  Text *page = map->frame.page;
  int levels = levels_of(map);
  double x = map->legend_x, top = map->frame.y.to, step = 150.0 / levels;
  for (int l = 0; l < levels; l++)
    text_format(page, "<rect class=\"%c%d\" x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"%.1f\"/>",
                letter_of(map), l, x, top + 18 + (levels - 1 - l) * step, step + 0.2);
  frame_text(&map->frame, x, top + 9, "key",
             map->shade == SHADE_ROWS ? "of row"
             : !map->from_zero        ? "value"
             : map->high <= 1         ? "share"
                                      : "count");
  for (int t = 0; t <= 2; t++) {
    double share = t / 2.0, value = map->low + share * (map->high - map->low);
    if (map->shade == SHADE_LOG) value = map->low * pow(map->high / map->low, share);
    text_format(page, "<text class=\"key\" x=\"%.1f\" y=\"%.1f\">", x + 17,
                top + 22 + (1 - share) * 150);
    if (map->shade == SHADE_ROWS)
      text_format(page, "%.0f%%", 100 * value);
    else
      number_write_short(page, value, legend_decimals(value));
    text_add(page, "</text>");
  }
}

static void write_cell_numbers(const Heatmap *map) {
  const Series *s = map->s;
  if (map->shade != SHADE_ROWS || s->n_x > SMALL) return;
  for (int64_t i = 0; i < s->n_y; i++)
    for (int64_t j = 0; j < s->n_x; j++) {
      int level = level_of(map, shown_value(map, i, j));
      text_format(map->frame.page, "<text class=\"mid cell%s\" x=\"%.1f\" y=\"%.1f\">",
                  level >= LEVELS / 2 ? " strong" : "", scale_at(&map->frame.x, (double)j + 0.5),
                  scale_at(&map->frame.y, (double)i + 0.5) + 4);
      number_write_short(map->frame.page, s->z[i * s->n_x + j], 0);
      text_add(map->frame.page, "</text>");
    }
}

/* ---- for the tooltip ---- */

static void add_list(Text *list, const double *edges, char *const *names, int64_t n) {
  text_add(list, "[");
  for (int64_t i = 0; i < n + (names ? 0 : 1); i++) {
    if (i > 0) text_add(list, ",");
    if (names)
      text_json(list, names[i]);
    else
      text_json_number(list, edges ? edges[i] : (double)i);
  }
  text_add(list, "]");
}

static void write_attribute(Text *page, const char *name, Text *list) {
  text_format(page, " %s=\"", name);
  text_html(page, list->bytes);
  text_add(page, "\"");
  if (list->status != OK) page->status = list->status;
  memory_free(&list->bytes);
  *list = (Text){0};
}

/* An invisible sheet over the cells that knows their numbers. */
static void write_sheet(const Heatmap *map) {
  const Series *s = map->s;
  const Frame *frame = &map->frame;
  Text list = {0};
  if (s->n_x * s->n_y > MOST_TIPS) return;
  text_format(frame->page,
              "<rect class=\"sheet\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"",
              frame->x.from, frame->y.to, frame->x.to - frame->x.from, frame->y.from - frame->y.to);
  add_list(&list, s->x, s->x_names, s->n_x);
  write_attribute(frame->page, "data-x", &list);
  add_list(&list, s->y, s->y_names, s->n_y);
  write_attribute(frame->page, "data-y", &list);
  text_add(&list, "[");
  for (int64_t k = 0; k < s->n_x * s->n_y; k++) {
    if (k > 0) text_add(&list, ",");
    text_json_number(&list, s->z[k]);
  }
  text_add(&list, "]");
  write_attribute(frame->page, "data-z", &list);
  text_json(&list, s->x_label);
  write_attribute(frame->page, "data-xl", &list);
  text_json(&list, s->y_label);
  write_attribute(frame->page, "data-yl", &list);
  text_format(frame->page, "%s/>\n", s->y_names ? " data-down" : "");
}

/* ---- the whole ---- */

static void lay_out(Heatmap *map, Text *page) {
  const Series *s = map->s;
  bool named = s->x_names || s->y_names;
  map->wide = named && (s->n_x > SMALL || s->n_y > SMALL);
  double side = map->wide ? WIDE_SIDE : SIDE, left = named ? 136 : 62, bottom = named ? 108 : 44;
  double low_x = s->x ? s->x[0] : 0, high_x = s->x ? s->x[s->n_x] : (double)s->n_x;
  double low_y = s->y ? s->y[0] : 0, high_y = s->y ? s->y[s->n_y] : (double)s->n_y;
  if (named && !map->wide) side -= 50;
  double tall = named && s->n_y < s->n_x ? fmax(side * (double)s->n_y / (double)s->n_x, 190) : side;
  map->frame = (Frame){.page = page,
                       .series = s,
                       .width = left + side + 72,
                       .height = 12 + tall + bottom,
                       .x = {low_x, high_x, left, left + side},
                       .y = {low_y, high_y, 12 + tall, 12}};
  /* Named rows read from the top down, as the table they are. */
  if (s->y_names) {
    map->frame.y.low = high_y;
    map->frame.y.high = low_y;
  }
  map->legend_x = left + side + 14;
}

static bool is_drawable(const Series *s) {
  double low = INFINITY, high = -INFINITY;
  int64_t n = s->n_x * s->n_y;
  return s->z && n > 0 && n <= MOST_CELLS && range_widen(s->z, n, &low, &high);
}

static Status sum_rows(Heatmap *map) {
  const Series *s = map->s;
  Status status = NEW(&map->row_sum, s->n_y);
  for (int64_t k = 0; status == OK && k < s->n_x * s->n_y; k++)
    if (isfinite(s->z[k])) map->row_sum[k / s->n_x] += s->z[k];
  return status;
}

static void write_map(Heatmap *map, Text *page) {
  char words[160];
  lay_out(map, page);
  snprintf(words, sizeof words, "%lld columns and %lld rows; values from %.6g to %.6g.",
           (long long)map->s->n_x, (long long)map->s->n_y, map->low, map->high);
  frame_open(&map->frame, map->wide ? "map wide" : "map", words);
  bool named = map->s->x_names || map->s->y_names;
  if (!named) frame_axes(&map->frame, 6, 6);
  text_add(page, "<g class=\"cells\">");
  for (int l = 0; l < levels_of(map); l++) write_level(map, l);
  text_add(page, "</g>\n");
  if (named) write_named_axes(map);
  write_diagonal(map);
  write_cell_numbers(map);
  write_legend(map);
  write_sheet(map);
  frame_close(&map->frame, NULL);
}

void heatmap_write(Text *page, const Series *series) {
  Heatmap map = {.s = series};
  if (!is_drawable(series)) {
    text_add(page, "<figure class=\"box\"><figcaption>");
    text_html(page, series->title[0] ? series->title : series->name);
    text_add(page, "</figcaption><p class=\"soft\">Nothing that can be drawn.</p></figure>\n");
    return;
  }
  if (page->status == OK) page->status = sum_rows(&map);
  if (page->status == OK) {
    choose_shade(&map);
    write_map(&map, page);
  }
  memory_free(&map.row_sum);
}
