/* Strata and their rows; see strata.h. */
#include "strata.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"

/* ---- counting ---- */

static Status room(const Comm *comm, Strata *s, int64_t **all) {
  Status status = OK;
  TRY(memory_status(s->of));
  TRY(NEW(&s->before, s->n));
  TRY(NEW(&s->first, s->n));
  TRY(NEW(&s->after, s->n));
  TRY(NEW(&s->made, s->n));
  TRY(NEW(&s->fewest, s->n));
  TRY(NEW(all, s->n * comm->size));
done:
  return status;
}

Status strata_init_all(const Comm *comm, int32_t *of, int64_t rows, int64_t n, Strata *out) {
  Status status = OK;
  int64_t *all = NULL;
  *out = (Strata){.n = n, .of = of, .rows = rows};
  AGREE(comm, room(comm, out, &all));
  for (int64_t i = 0; i < rows; i++) out->before[of[i]]++;
  comm_allgather_all(comm, out->before, (size_t)n * sizeof *all, all);
  for (int64_t c = 0; c < n; c++) {
    out->before[c] = 0;
    out->fewest[c] = -1;
    for (int r = 0; r < comm->size; r++) {
      if (r < comm->rank) out->first[c] += all[r * n + c];
      out->before[c] += all[r * n + c];
    }
    out->after[c] = out->before[c];
  }
done:
  memory_free(&all);
  return status;
}

const char *class_name(const TrainingData *data, int64_t class, char text[96]) {
  int64_t length = 0;
  if (data->classes) {
    const char *word = dictionary_word(data->classes, (int32_t) class, &length);
    snprintf(text, 96, "%.*s", (int)word_fit(word, length, 80), word);
  } else {
    snprintf(text, 96, "%lld", (long long)class);
  }
  return text;
}

static Status classes_of(const TrainingData *data, int32_t **out) {
  Status status = OK;
  TRY(training_check(data, TRAINING_WEIGHT_MOST));
  TRY(NEW_RAW(out, data->x->rows.n));
  for (int64_t i = 0; i < data->x->rows.n; i++) (*out)[i] = (int32_t)data->target[i];
done:
  return status;
}

/* With one class there is nothing to be balanced, and a model could only say that class. */
static Status check_two(const Strata *s, const TrainingData *data) {
  int64_t with_rows = 0, one = 0;
  char text[96];
  for (int64_t c = 0; c < s->n; c++) {
    with_rows += s->before[c] > 0;
    if (s->before[c] > 0) one = c;
  }
  if (with_rows != 1) return OK;
  return status_fail(INVALID,
                     "all %lld training rows are of class \"%s\"; resampling needs two classes "
                     "(stratify the split or folds by the target, or set resample to null)",
                     (long long)s->before[one], class_name(data, one, text));
}

Status strata_of_classes_all(const Comm *comm, const TrainingData *data, Strata *out) {
  Status status = OK;
  int32_t *of = NULL;
  *out = (Strata){0};
  status = status_agree_all(comm, classes_of(data, &of));
  if (status != OK) memory_free(&of);
  TRY(status);
  TRY(strata_init_all(comm, of, data->x->rows.n, data->n_classes, out));
  TRY(check_two(out, data)); /* the same on all ranks */
done:
  return status;
}

void strata_clear(Strata *strata) {
  memory_free(&strata->of);
  memory_free(&strata->before);
  memory_free(&strata->first);
  memory_free(&strata->after);
  memory_free(&strata->made);
  memory_free(&strata->fewest);
}

/* ---- sizes ---- */

int64_t strata_largest(const Strata *strata) {
  int64_t largest = 0;
  for (int64_t c = 0; c < strata->n; c++)
    if (strata->before[c] > largest) largest = strata->before[c];
  return largest;
}

int64_t strata_smallest(const Strata *strata) {
  int64_t smallest = strata_largest(strata);
  for (int64_t c = 0; c < strata->n; c++)
    if (strata->before[c] > 0 && strata->before[c] < smallest) smallest = strata->before[c];
  return smallest;
}

void strata_raise(Strata *strata, double ratio) {
  int64_t wanted = (int64_t)(ratio * (double)strata_largest(strata));
  for (int64_t c = 0; c < strata->n; c++)
    if (strata->before[c] > 0 && strata->before[c] < wanted) strata->after[c] = wanted;
}

void strata_share(const Strata *s, uint64_t seed, const char *purpose, Draws *draws) {
  for (int64_t c = 0; c < s->n; c++) {
    int64_t before = s->before[c], after = s->after[c], place = s->first[c];
    if (before == 0) continue;
    Stream stream = random_stream(seed, purpose, (uint64_t)c);
    int64_t whole = after / before, rest = after % before;
    for (int64_t i = 0; i < s->rows; i++) {
      if (s->of[i] != c) continue;
      bool more = rest > 0 && random_permuted(&stream, place, before) < rest;
      draws->copies[i] = (int32_t)(whole + more);
      place++;
    }
  }
  draws_count(draws);
}

/* ---- telling ---- */

static int64_t sum(const int64_t *values, int64_t n) {
  int64_t total = 0;
  for (int64_t c = 0; c < n; c++) total += values[c];
  return total;
}

static Status tell_row(const Strata *s, int64_t c, const char *name, int64_t handle,
                       Summary *summary) {
  int64_t before = s->before[c], after = s->after[c], added = after > before ? after - before : 0;
  Cell fewest = s->fewest[c] < 0 ? cell_real(NAN) : cell_integer(s->fewest[c]);
  Cell cells[] = {cell_text(name),
                  cell_integer(before),
                  cell_integer(after),
                  cell_integer(s->made[c]),
                  cell_integer(added - s->made[c]),
                  fewest};
  return summary_row(summary, handle, cells);
}

Status strata_tell(const Strata *s, const char *what, StratumName *name, const void *context,
                   Summary *summary) {
  Status status = OK;
  const char *columns[] = {what, "rows before", "rows after", "made", "repeated", "neighbours"};
  int64_t handle = -1, added = 0;
  char text[96];
  TRY(summary_table(summary, "resample", "Training rows before and after resampling", 6, columns,
                    &handle));
  for (int64_t c = 0; c < s->n; c++) {
    if (s->after[c] > s->before[c]) added += s->after[c] - s->before[c];
    if (s->before[c] == 0) continue;
    TRY(tell_row(s, c, name(context, c, text), handle, summary));
  }
  int64_t before = sum(s->before, s->n), after = sum(s->after, s->n);
  TRY(summary_note(summary, NOTE_INFO,
                   "Resampling made %lld training rows out of %lld: %lld were added (%lld made "
                   "between neighbours, %lld repeated), %lld left out.",
                   (long long)after, (long long)before, (long long)added,
                   (long long)sum(s->made, s->n), (long long)(added - sum(s->made, s->n)),
                   (long long)(before + added - after)));
done:
  return status;
}

static const char *name_of_class(const void *context, int64_t class, char text[96]) {
  return class_name(context, class, text);
}

Status strata_tell_classes(const Strata *strata, const TrainingData *data, Summary *summary) {
  return strata_tell(strata, "class", name_of_class, data, summary);
}
