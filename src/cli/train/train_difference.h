/* Why a folder's run is another one. */
#ifndef UM_CLI_TRAIN_TRAIN_DIFFERENCE_H
#define UM_CLI_TRAIN_TRAIN_DIFFERENCE_H

#include "train/recipe/recipe.h"

/* Print to standard error which members that decide a run have other values than in the recipe
 * that the folder's metrics.jsonl begins with; nothing if there is none, or no difference. */
void um_train_tell_difference(const um_recipe *recipe, const char *output);

#endif
