#include "train/run/metric.h"

void um_metric_list_add(um_metric_list *list, const char *name, double value) {
    if (list->count < UM_METRICS_MAXIMUM) {
        list->items[list->count++] = (um_metric){.name = name, .value = value};
    }
}
