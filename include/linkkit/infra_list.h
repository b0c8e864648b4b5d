/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file infra_list.h
 * @brief A circular, intrusive, doubly linked list under the names that Link Kit programs use.
 *
 * A dlist_t is either a list's head or a node inside an element. A head that is its own neighbour is an empty
 * list. Nothing allocates, nothing is checked for NULL, nothing locks: a list shared by threads needs the
 * caller's own mutex. Everything is inline, so no symbol is added to the program.
 */
#ifndef OTAKIT_LINKKIT_INFRA_LIST_H
#define OTAKIT_LINKKIT_INFRA_LIST_H

#include "infra_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Offset of a member in its structure, in bytes. */
#define aos_offsetof(type, member) offsetof(type, member)

/** The structure of the given type whose member is at ptr. */
#define aos_container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/** A list head, or a node in an element. */
typedef struct dlist_s {
    struct dlist_s *prev;
    struct dlist_s *next;
} dlist_t;

/** Initialiser of a head variable called name. */
#define AOS_DLIST_INIT(name) { &(name), &(name) }
/** The same under its other name. */
#define AOS_DLIST_HEAD_INIT(name) AOS_DLIST_INIT(name)
/** Defines an empty list called name. */
#define AOS_DLIST_HEAD(name) dlist_t name = AOS_DLIST_INIT(name)

/** Makes node an empty list, or a node that is in no list. */
static inline void dlist_init(dlist_t *node)
{
    node->prev = node;
    node->next = node;
}

/** The same as dlist_init. */
static inline void INIT_AOS_DLIST_HEAD(dlist_t *list)
{
    dlist_init(list);
}

/** Puts node, which must be in no list, right behind the place pos; behind a head that is the list's start. */
static inline void dlist_add(dlist_t *node, dlist_t *pos)
{
    node->prev = pos;
    node->next = pos->next;
    pos->next->prev = node;
    pos->next = node;
}

/** Puts node, which must be in no list, right before the place pos; before a head that is the list's end. */
static inline void dlist_add_tail(dlist_t *node, dlist_t *pos)
{
    dlist_add(node, pos->prev);
}

/** Takes node out of its list. Its own pointers stay as they were. */
static inline void dlist_del(dlist_t *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

/** 1 if the list has no element, else 0. */
static inline int dlist_empty(const dlist_t *head)
{
    return head->next == head;
}

/** How many elements the list has. */
static inline int dlist_entry_number(const dlist_t *head)
{
    int count = 0;
    const dlist_t *node;

    for (node = head->next; node != head; node = node->next) {
        count++;
    }
    return count;
}

/** The element whose node is at addr. */
#define dlist_entry(addr, type, member) aos_container_of(addr, type, member)
/** The same under its other name. */
#define list_entry(ptr, type, member) aos_container_of(ptr, type, member)
/** The first element. The list must not be empty. */
#define dlist_first_entry(head, type, member) aos_container_of((head)->next, type, member)

/** Walks the nodes (dlist_t *pos) from first to last. The list must not change meanwhile. */
#define dlist_for_each(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

/** Walks the nodes; pos may be taken out meanwhile. n is a second dlist_t *. */
#define dlist_for_each_safe(pos, n, head) \
    for ((pos) = (head)->next, (n) = (pos)->next; (pos) != (head); (pos) = (n), (n) = (pos)->next)

/** Walks the elements (type *node) from first to last. The list must not change meanwhile. */
#define dlist_for_each_entry(head, node, type, member) \
    for ((node) = aos_container_of((head)->next, type, member); &(node)->member != (head); \
         (node) = aos_container_of((node)->member.next, type, member))

/** Walks the elements (type *node), which may be taken out meanwhile. n is a dlist_t *. */
#define dlist_for_each_entry_safe(head, n, node, type, member) \
    for ((node) = aos_container_of((head)->next, type, member), (n) = (head)->next->next; \
         &(node)->member != (head); (node) = aos_container_of((n), type, member), (n) = (n)->next)

/** Walks the elements (type *pos) from last to first. The list must not change meanwhile. */
#define dlist_for_each_entry_reverse(pos, head, member, type) \
    for ((pos) = aos_container_of((head)->prev, type, member); &(pos)->member != (head); \
         (pos) = aos_container_of((pos)->member.prev, type, member))

#ifdef __cplusplus
}
#endif

/* The older names (struct list_head, list_add, list_for_each_entry, ...) come from there. */
#include "infra_compat.h"

#endif /* OTAKIT_LINKKIT_INFRA_LIST_H */
