/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The same program inside a library. */
#include "main.c"
