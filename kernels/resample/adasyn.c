/* adasyn: like smote, with more rows where a class is hard to tell (He, Bai, Garcia, Li 2008,
 * "ADASYN: adaptive synthetic sampling approach for imbalanced learning").
 *
 * The share of other classes among a row's nearest neighbours, of all classes, says how hard it is;
 * of the rows that a class lacks it gets that share over the sum of shares, rounded to the nearest,
 * so that classes come close to what is asked and no closer. */
#include <math.h>

#include "interpolate.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"

static const Option rows[] = {INTERPOLATE_ROWS, {0}};

/* Shares of other classes among neighbours. hard: out, by row asked. */
static void find_shares(const Interpolation *ip, int64_t class, const Nearest *nearest,
                        double *hard) {
  for (int64_t q = 0; q < nearest->n; q++) {
    int32_t others = 0, count = nearest->count[q];
    for (int32_t c = 0; c < count; c++)
      others += ip->pool.stratum[nearest->row[q * nearest->k + c]] != (double)class;
    hard[q] = count > 0 ? (double)others / count : 0;
  }
}

/* None of the class's rows has a neighbour of another class: all are as hard as any. */
static Status note_easy(const Interpolation *ip, int64_t class, Summary *summary) {
  char text[96];
  return summary_note(
      summary, NOTE_WARNING,
      "adasyn: no row of class \"%s\" has a neighbour of another class, so its rows "
      "gave new ones evenly.",
      class_name(ip->data, class, text));
}

static Status share_class_all(Interpolation *ip, int64_t class, Summary *summary) {
  Status status = OK;
  Strata *strata = &ip->strata;
  Nearest nearest = {0};
  double *hard = NULL;
  int64_t n = interpolation_ask(ip, class, 0), added = 0;
  int64_t lacking = strata->after[class] - strata->before[class];
  TRY(pool_nearest_all(ip->comm, &ip->pool, -1, ip->asked, n, ip->options->neighbours, &nearest));
  AGREE(ip->comm, NEW(&hard, n));
  find_shares(ip, class, &nearest, hard);
  double sum = exact_sum_all(ip->comm, hard, n);
  for (int64_t q = 0; sum > 0 && q < n; q++) {
    int32_t more = (int32_t)rint(hard[q] / sum * (double)lacking);
    ip->draws.copies[ip->pool.at[ip->asked[q]]] = 1 + more;
    added += more;
  }
  if (sum > 0)
    strata->after[class] = strata->before[class] + comm_sum_one_all(ip->comm, added);
  else
    AGREE(ip->comm, note_easy(ip, class, summary));
done:
  nearest_clear(&nearest);
  memory_free(&hard);
  return status;
}

static Status run_all(const Comm *comm, const TrainingData *data, const void *options,
                      Resampled *out, Summary *summary) {
  Status status = OK;
  Interpolation ip;
  TRY(interpolation_init_all(comm, data, options, true, NULL, &ip));
  strata_share(&ip.strata, data->seed, "resample/share", &ip.draws);
  for (int64_t c = 0; c < ip.strata.n; c++)
    if (ip.strata.after[c] > ip.strata.before[c]) TRY(share_class_all(&ip, c, summary));
  TRY(interpolation_finish_all(&ip, out, summary));
done:
  interpolation_clear_all(&ip);
  return status;
}

extern const ResampleKind adasyn_resample;
const ResampleKind adasyn_resample = {
    .kind = {.name = "adasyn",
             .help = "Like smote, with more rows where other classes are near.",
             .version = 2,
             .options_size = sizeof(InterpolateOptions),
             .options = rows},
    .classification = true,
    .numbers = true,
    .run_all = run_all};
