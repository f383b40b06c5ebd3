/* Maps: points of a plane in groups that have colours; see report_parts.h.
 *
 * Axes of a map mean nothing but their scale, so there are none. A point is a line of no length
 * with round ends; points of one colour are one path, which takes ten bytes a point, a tenth of a
 * circle each. They are drawn in several rounds, so that no group lies on top of all others. */
#include <math.h>

#include "kernels/base/memory.h"
#include "report_parts.h"

enum {
  COLOURS = 12,
  GREY = COLOURS, /* points without a group, and groups beyond the colours */
  ROUNDS = 8,
  SIDE = 2000, /* the longer side of the drawing, in its own units */
  LEAST = 1100,
  MARGIN = 20,
  MOST_POINTS = 20000
};

/* Of about one lightness, so that they serve light and dark pages and none stands out. */
static const char *const colours[COLOURS + 1] = {
    "#4269d0", "#ef8a17", "#d6404e", "#2fa5a0", "#5aa345", "#dd6bb3", "#8d62cf",
    "#946b48", "#b8a010", "#2ba3dd", "#a3306a", "#3c7f5f", "#9aa1a7"};

void map_write_style(Text *page) {
  text_add(page, ".chart-map path{fill:none;stroke-width:7;stroke-linecap:round;opacity:.72}");
  for (int g = 0; g <= COLOURS; g++)
    text_format(page, ".g%d{stroke:%s;background:%s}", g, colours[g], colours[g]);
  text_add(page,
           ".legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:10px 0 0;"
           "padding:0;font-size:13px}.legend i{display:inline-block;width:11px;height:11px;"
           "border-radius:50%;margin-right:6px;vertical-align:-1px}\n");
}

typedef struct Sheet {
  const Series *s;
  double low, high, bottom, top, unit;
  double width, height;
} Sheet;

static bool sheet_of(const Series *s, Sheet *out) {
  *out = (Sheet){s, INFINITY, -INFINITY, INFINITY, -INFINITY, 1, SIDE, SIDE};
  bool any = s->x && s->y && range_widen(s->x, s->n_x, &out->low, &out->high) &&
             range_widen(s->y, s->n_x, &out->bottom, &out->top);
  if (!any) return false;
  double across = out->high - out->low, up = out->top - out->bottom, most = fmax(across, up);
  if (most > 0) out->unit = (SIDE - 2 * MARGIN) / most;
  out->height = fmax(up * out->unit + 2 * MARGIN, LEAST);
  return true;
}

static int group_of(const Series *s, int64_t i) {
  double group = s->z ? s->z[i] : NAN;
  return group >= 0 && group < COLOURS ? (int)group : GREY;
}

/* Points of one group and round. */
static void write_group(Text *page, const Sheet *sheet, int64_t stride, int group, int64_t round) {
  const Series *s = sheet->s;
  bool any = false;
  double left = (sheet->width - (sheet->high - sheet->low) * sheet->unit) / 2;
  double above = (sheet->height - (sheet->top - sheet->bottom) * sheet->unit) / 2;
  for (int64_t i = round * stride; i < s->n_x; i += ROUNDS * stride) {
    if (group_of(s, i) != group || !isfinite(s->x[i]) || !isfinite(s->y[i])) continue;
    if (!any) text_format(page, "<path class=\"g%d\" d=\"", group);
    any = true;
    text_format(page, "M%.0f %.0fh0", left + (s->x[i] - sheet->low) * sheet->unit,
                above + (sheet->top - s->y[i]) * sheet->unit);
  }
  if (any) text_add(page, "\"/>\n");
}

static void write_entry(Text *page, const Series *s, int colour, const char *name, int64_t n) {
  text_format(page, "<li><i class=\"g%d\"></i>", colour);
  text_html(page, name);
  text_add(page, " <small>");
  number_write_percent(page, (double)n / (double)s->n_x);
  text_add(page, "</small></li>\n");
}

static void write_legend(Text *page, const Series *s) {
  int64_t n[COLOURS + 1] = {0};
  for (int64_t i = 0; i < s->n_x; i++) n[group_of(s, i)]++;
  if (s->n_y == 0) return;
  text_add(page, "<ul class=\"legend\">\n");
  for (int g = 0; g < COLOURS && g < s->n_y; g++)
    if (n[g] > 0) write_entry(page, s, g, s->y_names ? s->y_names[g] : "", n[g]);
  if (n[GREY] > 0) write_entry(page, s, GREY, s->n_y > COLOURS ? "other" : "none", n[GREY]);
  text_add(page, "</ul>\n");
}

void map_write(Text *page, const Series *s) {
  Sheet sheet;
  const char *title = s->title[0] ? s->title : s->name;
  int64_t stride = (s->n_x + MOST_POINTS - 1) / MOST_POINTS;
  text_add(page, "<figure class=\"box wide\"><figcaption>");
  text_html(page, title);
  text_add(page, "</figcaption>");
  if (!sheet_of(s, &sheet)) {
    text_add(page, "<p class=\"soft\">No values to draw.</p></figure>\n");
    return;
  }
  text_format(page,
              "<div class=\"drawing\"><svg class=\"chart-map\" viewBox=\"0 0 %.0f %.0f\" "
              "role=\"img\" aria-label=\"",
              sheet.width, sheet.height);
  text_html(page, title);
  text_format(page, ". %lld points in %lld groups.\">\n", (long long)s->n_x, (long long)s->n_y);
  for (int64_t round = 0; round < ROUNDS; round++)
    for (int g = GREY; g >= 0; g--) write_group(page, &sheet, stride, g, round);
  text_add(page, "</svg></div>\n");
  write_legend(page, s);
  if (stride > 1)
    text_format(page, "<p class=\"soft\">One point in %lld of %lld.</p>", (long long)stride,
                (long long)s->n_x);
  text_add(page, "</figure>\n");
}
