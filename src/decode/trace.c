#include "decode/trace.h"

const char *um_trace_end_reason_name(um_trace_end_reason reason) {
    switch (reason) {
#define UM_TRACE_NAME(name, text)                                                                  \
    case name:                                                                                     \
        return text;
        UM_TRACE_END_REASON_LIST(UM_TRACE_NAME)
#undef UM_TRACE_NAME
    }
    return "unknown";
}
