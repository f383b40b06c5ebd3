/* What the rows of a class weigh, times their own weight: options that models share. */
#ifndef SEGUE_CLASS_WEIGHT_H
#define SEGUE_CLASS_WEIGHT_H

#include "model.h"

/* Words of the option class_weight. */
enum { CLASS_WEIGHT_NONE, CLASS_WEIGHT_BALANCED };
extern const char *const class_weight_words[];

/* An item of the map class_weight, by the name of a class; classes not named weigh 1. */
typedef struct ClassWeight {
  double weight;
} ClassWeight;
extern const Option class_weight_rows[];

/* As options hold them. Borrowed. */
typedef struct ClassWeights {
  const Map *by_class; /* "none", "balanced" (all classes that have rows weigh the same together),
                          or weights by name */
  double positive;     /* what the second of two classes weighs; 1 or 0: nothing else */
} ClassWeights;

#define CLASS_WEIGHT_ROWS(S)                                                                     \
  OPTION_MAP_OR_WORD(S, class_weight, "\"none\"", class_weight_rows, ClassWeight,                \
                     class_weight_words,                                                         \
                     "What rows of a class weigh, times their own weight: balanced makes all "   \
                     "classes weigh the same together; or by name, others 1."),                  \
      OPTION_REAL(S, positive_weight, "1", 1e-6, 1e6,                                            \
                  "What rows of the second of two classes (in byte order, as true after false) " \
                  "weigh, with class_weight \"none\".")

/* Do they go together? Local. Fails with INVALID. */
CHECKED Status class_weights_check(const ClassWeights *given);

/* Row weights with what classes weigh.
 *
 * Collective. out: one number for each of this rank's rows, the caller frees it; NULL when classes
 * weigh nothing else, and data->weight holds. Targets and weights are checked as
 * training_check does. Fails with INVALID (a regression, a name that is no class, not two classes
 * for positive), NUMERIC, MEMORY; agreed. One exact Allreduce when balanced. */
CHECKED Status class_weights_all(const Comm *comm, const TrainingData *data,
                                 const ClassWeights *given, double **out);

#endif
