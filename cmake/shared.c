/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A shared library needs a source file of its own for CMake; everything in it comes from libotakit.a.
 */
typedef int otakit_shared;
