#include "cli/prompt_request.h"

#include <string.h>

void um_prompt_request_begin(um_prompt_request *prompt, const um_options *options) {
    *prompt = (um_prompt_request){.request = {.options = options}};
    prompt->request.messages = prompt->messages;
    prompt->request.parts = prompt->parts;
}

static void add_message(um_prompt_request *prompt, const char *role, const char *text,
                        size_t length) {
    prompt->messages[prompt->request.message_count++] = (um_message){role, text, length};
}

void um_prompt_request_say(um_prompt_request *prompt, const char *system, const char *text,
                           size_t length) {
    if (system) {
        add_message(prompt, "system", system, strlen(system));
    }
    add_message(prompt, "user", text, length);
}

void um_prompt_request_add_text(um_prompt_request *prompt, const char *text, size_t length,
                                bool special) {
    prompt->parts[prompt->request.part_count++] =
        (um_part){.kind = UM_PART_TEXT, .text = text, .length = length, .special = special};
}

void um_prompt_request_add_hole(um_prompt_request *prompt, size_t length) {
    prompt->parts[prompt->request.part_count++] = (um_part){.kind = UM_PART_HOLE, .length = length};
}
