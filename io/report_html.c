/* report.html; see report.h. */
#include "kernels/base/memory.h"
#include "report.h"
#include "text.h"

static void write_stage(Text *page, const ReportStage *stage) {
  text_add(page, "<h2>");
  text_html(page, stage->name);
  text_add(page, "</h2><table>");
  for (int64_t i = 0; stage->summary && i < stage->summary->n_metrics; i++) {
    const Metric *m = &stage->summary->metrics[i];
    text_add(page, "<tr><th>");
    text_html(page, m->split);
    text_add(page, " ");
    text_html(page, m->name);
    text_format(page, "</th><td>%.4g</td></tr>", m->value);
  }
  text_add(page, "</table>");
}

Status report_html(const ReportInput *input, char **text) {
  Text page = {0};
  text_add(&page, "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>");
  text_html(&page, input->title ? input->title : input->run_name);
  text_add(&page, "</title><body>");
  for (int64_t i = 0; i < input->n_stages; i++) write_stage(&page, &input->stages[i]);
  text_add(&page, "</body></html>\n");
  return text_take(&page, text);
}
