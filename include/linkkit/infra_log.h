/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_log.h
 * @brief The log macros of Link Kit programs: log_debug("module", "format", ...) and its relatives.
 *
 * Each call prints one line through the firmware's HAL_Printf: "[dbg] module: text", ended by CR LF, the text cut
 * at LOG_MSG_MAXLEN bytes. Define LINKKIT_LOG_LIMIT (0 nothing .. 6 everything, default 5) before including this
 * header to leave out the more talkative levels of a source file at compile time. IOT_SetLogLevel is about the
 * library's own lines, not about these.
 *
 * Any thread may log, as far as HAL_Printf and HAL_Vsnprintf of the firmware may be called by it.
 */
#ifndef OTAKIT_LINKKIT_INFRA_LOG_H
#define OTAKIT_LINKKIT_INFRA_LOG_H

#include <stdarg.h>

#include "infra_defs.h"
/* This generation's, unless the program has those of another. */
#if !defined(OTAKIT_LINKKIT_V310_INFRA_COMPAT_H) && !defined(OTAKIT_LINKKIT_V23_IOT_EXPORT_H)
#include "infra_compat.h"
#endif
#include "wrappers_os.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Level numbers; 0 to 5 are those of IOT_LogLevel. */
#define LOG_NONE_LEVEL (0)
#define LOG_CRIT_LEVEL (1)
#define LOG_ERR_LEVEL (2)
#define LOG_WARNING_LEVEL (3)
#define LOG_INFO_LEVEL (4)
#define LOG_DEBUG_LEVEL (5)
#define LOG_FLOW_LEVEL (6)

/** Longest text of a line, in bytes without NUL. */
#define LOG_MSG_MAXLEN (255)

/** The most talkative level that is compiled in. */
#ifndef LINKKIT_LOG_LIMIT
#define LINKKIT_LOG_LIMIT LOG_DEBUG_LEVEL
#endif

/**
 * @brief Prints one line with HAL_Printf. Behind the log_* macros.
 * @param tag three letters for the level, e.g. "dbg"
 * @param mod module name, NUL-terminated
 * @param fmt printf format of the text; its arguments follow
 */
LINKKIT_INLINE void linkkit_log_line(const char *tag, const char *mod, const char *fmt, ...)
{
    char text[LOG_MSG_MAXLEN + 1];
    va_list args;

    text[0] = '\0';
    va_start(args, fmt);
    (void)HAL_Vsnprintf(text, (int)sizeof(text), fmt, args);
    va_end(args);
    text[sizeof(text) - 1] = '\0';
    HAL_Printf("[%s] %s: %s\r\n", tag, mod, text);
}

#define LINKKIT_LOG(level, tag, mod, ...) \
    do { \
        if ((level) <= LINKKIT_LOG_LIMIT) { \
            linkkit_log_line(tag, mod, __VA_ARGS__); \
        } \
    } while (0)

/** Steps inside a function; left out unless LINKKIT_LOG_LIMIT is 6. */
#define log_flow(mod, ...) LINKKIT_LOG(LOG_FLOW_LEVEL, "flw", mod, __VA_ARGS__)
/** For who debugs. */
#define log_debug(mod, ...) LINKKIT_LOG(LOG_DEBUG_LEVEL, "dbg", mod, __VA_ARGS__)
/** Milestones. */
#define log_info(mod, ...) LINKKIT_LOG(LOG_INFO_LEVEL, "inf", mod, __VA_ARGS__)
/** A default was taken, or something was refused. */
#define log_warning(mod, ...) LINKKIT_LOG(LOG_WARNING_LEVEL, "wrn", mod, __VA_ARGS__)
/** An operation failed. */
#define log_err(mod, ...) LINKKIT_LOG(LOG_ERR_LEVEL, "err", mod, __VA_ARGS__)
/** The program cannot go on. */
#define log_crit(mod, ...) LINKKIT_LOG(LOG_CRIT_LEVEL, "crt", mod, __VA_ARGS__)
/** The same level as log_crit, under the older name. */
#define log_emerg(mod, ...) LINKKIT_LOG(LOG_CRIT_LEVEL, "crt", mod, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif /* OTAKIT_LINKKIT_INFRA_LOG_H */
