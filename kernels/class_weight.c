/* Weights of classes; see class_weight.h. */
#include "class_weight.h"

#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "kernels/numeric/exact.h"

const char *const class_weight_words[] = {"none", "balanced", NULL};
const Option class_weight_rows[] = {
    OPTION_REAL(ClassWeight, weight, NULL, 1e-6, 1e6, "What a row of the class weighs."),
    {.name = NULL},
};

static bool is_balanced(const ClassWeights *given) {
  return given->by_class->word == 1 + CLASS_WEIGHT_BALANCED;
}

static bool is_given(const ClassWeights *given) {
  return given->by_class->n > 0 || is_balanced(given);
}

static bool is_positive(const ClassWeights *given) {
  return given->positive > 0 && given->positive != 1;
}

Status class_weights_check(const ClassWeights *given) {
  if (!is_positive(given) || !is_given(given)) return OK;
  return status_fail(
      INVALID, "positive_weight: class_weight says what classes weigh; leave one of them out");
}

/* A name that is no class, with the nearest one that is. */
static Status unknown_class(const Dictionary *classes, const char *name) {
  Status status = OK;
  char **names = NULL, hint[160];
  TRY(NEW(&names, classes->n));
  for (int32_t c = 0; c < classes->n; c++) {
    int64_t n = 0;
    const char *bytes = dictionary_word(classes, c, &n);
    TRY(memory_text_n(&names[c], bytes, (size_t)n));
  }
  names_hint(name, (const char *const *)names, classes->n, hint);
  status = status_fail(INVALID, "class_weight: \"%s\" is no class of the target%s", name, hint);
done:
  for (int32_t c = 0; names && c < classes->n; c++) memory_free(&names[c]);
  memory_free(&names);
  return status;
}

/* weight: n_classes, all 1. */
static Status name_classes(const TrainingData *data, const Map *map, double *weight) {
  const ClassWeight *items = map->items;
  for (int64_t i = 0; i < map->n; i++) {
    if (!data->classes) {
      return status_fail(INVALID, "class_weight: classes have no names here");
    }
    int32_t class = dictionary_find(data->classes, map->names[i], (int64_t)strlen(map->names[i]));
    if (class == MISSING_CODE) return unknown_class(data->classes, map->names[i]);
    weight[class] = items[i].weight;
  }
  return OK;
}

/* Classes that have rows weigh the same together, and all rows as much as before. */
static Status balance_all(const Comm *comm, const TrainingData *data, double *weight) {
  Status status = OK;
  Exact *sums = NULL;
  double total = 0, present = 0;
  AGREE(comm, NEW(&sums, data->n_classes));
  for (int64_t c = 0; c < data->n_classes; c++) exact_init(&sums[c]);
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    exact_add(&sums[(int64_t)data->target[i]], data->weight ? data->weight[i] : 1);
  }
  exact_join_all(comm, sums, data->n_classes);
  for (int64_t c = 0; c < data->n_classes; c++) {
    weight[c] = exact_round(&sums[c]);
    total += weight[c];
    present += weight[c] > 0;
  }
  for (int64_t c = 0; c < data->n_classes; c++) {
    if (weight[c] > 0) weight[c] = total / (present * weight[c]);
  }
done:
  memory_free(&sums);
  return status;
}

static Status check_target(const TrainingData *data, const ClassWeights *given) {
  if (data->task == TASK_REGRESSION) {
    return status_fail(INVALID, "%s needs a target of classes; leave it out",
                       is_given(given) ? "class_weight: this" : "positive_weight: this");
  }
  if (is_positive(given) && data->n_classes != 2) {
    return status_fail(
        INVALID,
        "positive_weight: this needs a target of two classes, this one has %lld; use "
        "class_weight",
        (long long)data->n_classes);
  }
  return OK;
}

Status class_weights_all(const Comm *comm, const TrainingData *data, const ClassWeights *given,
                         double **out) {
  Status status = OK;
  double *weight = NULL;
  *out = NULL;
  if (!is_positive(given) && !is_given(given)) return OK;
  TRY(check_target(data, given)); /* the same on all ranks */
  Status local = NEW(&weight, data->n_classes);
  if (local == OK) local = NEW(out, data->x->rows.n);
  if (local == OK) local = training_check(data, TRAINING_WEIGHT_MOST);
  AGREE(comm, local);
  for (int64_t c = 0; c < data->n_classes; c++) weight[c] = 1;
  if (is_balanced(given)) {
    TRY(balance_all(comm, data, weight));
  } else {
    AGREE(comm, name_classes(data, given->by_class, weight));
  }
  if (is_positive(given)) weight[1] = given->positive;
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    (*out)[i] = (data->weight ? data->weight[i] : 1) * weight[(int64_t)data->target[i]];
  }
done:
  memory_free(&weight);
  return status;
}
