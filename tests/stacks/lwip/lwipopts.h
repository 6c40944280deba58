/* lwIP's options, as for a board with some 64 KiB to spare: no operating system, IPv4, TCP and UDP. What
 * isn't here is as lwIP has it. What a breakage sets at run time is a variable of broken.h. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#include "broken.h"

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_TCP 1
#define LWIP_UDP 1
#define LWIP_ICMP 1

#define MEM_ALIGNMENT 8
#define MEM_SIZE (32 * 1024)
/* Two for each place: those in TIME-WAIT give way when a new client comes. */
#define MEMP_NUM_TCP_PCB 16
#define MEMP_NUM_TCP_PCB_LISTEN 1
#define MEMP_NUM_TCP_SEG 128
/* 8000 bytes of UDP are six fragments; a burst of 32 messages waits in the driver. */
#define PBUF_POOL_SIZE 32

#define TCP_MSS 1460
#define TCP_SND_BUF (2 * TCP_MSS)
/* A reply of 1031 bytes in segments of 64 bytes or more. */
#define TCP_SND_QUEUELEN 40
#define TCP_LISTEN_BACKLOG 1

/* The window is a variable, which the preprocessor takes for 0. */
#define TCP_WND broken_window
#define LWIP_DISABLE_TCP_SANITY_CHECKS 1
#define TCP_OOSEQ_MAX_BYTES 1
#define TCP_OOSEQ_BYTES_LIMIT(pcb) broken_held
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_HOOK_TCP_ISN(...) broken_isn()

#endif
