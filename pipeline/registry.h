/* The one list of stage, model, step and resampling kinds. */
#ifndef SEGUE_PIPELINE_REGISTRY_H
#define SEGUE_PIPELINE_REGISTRY_H

#include "stage.h"

/* NULL-terminated; the pointers are to the Kind that each descriptor begins with. */
extern const Kind *const stage_kinds[];
extern const Kind *const model_kinds[];
extern const Kind *const step_kinds[];
extern const Kind *const resample_kinds[];

/* NULL when unknown. Local. */
const Kind *registry_find(const Kind *const *kinds, const char *name);

#endif
