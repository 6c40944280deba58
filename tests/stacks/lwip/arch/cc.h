/* What lwIP must know of this compiler: nothing beyond ISO C, and how to fail an assertion. */
#ifndef ARCH_CC_H
#define ARCH_CC_H

#include <stdio.h>
#include <stdlib.h>

#define LWIP_PLATFORM_DIAG(x) (printf x)
#define LWIP_PLATFORM_ASSERT(x) (fprintf(stderr, "lwIP: %s (%s:%d)\n", x, __FILE__, __LINE__), abort())
#define LWIP_RAND() ((u32_t)rand())

#endif
