/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program needs one source file; main() comes from a library. */
typedef int empty;
