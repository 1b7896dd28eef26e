/* The Python side of judging: the build embeds the files of src/judge/harness in the library. */
#ifndef UM_JUDGE_HARNESS_H
#define UM_JUDGE_HARNESS_H

/* NUL-terminated; each is the text of the .py file of that name. */
extern const char um_harness_wire[];
extern const char um_harness_program[];
extern const char um_harness_foreseen[];
extern const char um_harness_verdict[];
extern const char um_harness_zygote[];

#endif
