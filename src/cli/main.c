#include <stdio.h>

#include "unmask.h"

int main(void) {
    (void)printf("unmask %s\n", um_version());
    return 0;
}
