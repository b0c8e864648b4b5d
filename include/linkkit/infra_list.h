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
LINKKIT_INLINE void dlist_init(dlist_t *node)
{
    node->prev = node;
    node->next = node;
}

/** The same as dlist_init. */
LINKKIT_INLINE void INIT_AOS_DLIST_HEAD(dlist_t *list)
{
    dlist_init(list);
}

/** Puts node, which must be in no list, right behind the place pos; behind a head that is the list's start. */
LINKKIT_INLINE void dlist_add(dlist_t *node, dlist_t *pos)
{
    node->prev = pos;
    node->next = pos->next;
    pos->next->prev = node;
    pos->next = node;
}

/** Puts node, which must be in no list, right before the place pos; before a head that is the list's end. */
LINKKIT_INLINE void dlist_add_tail(dlist_t *node, dlist_t *pos)
{
    dlist_add(node, pos->prev);
}

/** Takes node out of its list. Its own pointers stay as they were. */
LINKKIT_INLINE void dlist_del(dlist_t *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

/** 1 if the list has no element, else 0. */
LINKKIT_INLINE int dlist_empty(const dlist_t *head)
{
    return head->next == head;
}

/** How many elements the list has. */
LINKKIT_INLINE int dlist_entry_number(const dlist_t *head)
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

/* ---- older names: struct list_head and its functions ---- */
#define offset_of aos_offsetof
#define container_of aos_container_of
#define LIST_HEAD AOS_DLIST_HEAD
#define LIST_HEAD_INIT AOS_DLIST_INIT
#define INIT_LIST_HEAD INIT_AOS_DLIST_HEAD
#define LIST_INIT AOS_DLIST_INIT
#define list_head dlist_s
#define list_head_t dlist_t
#define list_add dlist_add
#define list_add_tail dlist_add_tail
#define list_del dlist_del
#define list_empty dlist_empty
#define list_entry_number dlist_entry_number
#define list_first_entry dlist_first_entry
#define list_for_each dlist_for_each
#define list_for_each_entry_reverse dlist_for_each_entry_reverse
#define list_for_each_safe dlist_for_each_safe
#define list_init dlist_init

/** Walks the elements (type *pos) from first to last. The list must not change meanwhile. */
#define list_for_each_entry(pos, head, member, type) dlist_for_each_entry(head, pos, type, member)

/** Walks the elements; pos may be taken out meanwhile. n is a second type *. */
#define list_for_each_entry_safe(pos, n, head, member, type) \
    for ((pos) = aos_container_of((head)->next, type, member), \
         (n) = aos_container_of((pos)->member.next, type, member); \
         &(pos)->member != (head); (pos) = (n), (n) = aos_container_of((n)->member.next, type, member))

/** The element after pos. */
#define list_next_entry(pos, member, type) aos_container_of((pos)->member.next, type, member)

/** Takes entry out of its list and makes it a node that is in none. */
LINKKIT_INLINE void list_del_init(struct dlist_s *entry)
{
    dlist_del(entry);
    dlist_init(entry);
}

/** 1 if list is the last node before head, else 0. */
LINKKIT_INLINE int list_is_last(const struct dlist_s *list, const struct dlist_s *head)
{
    return list->next == head;
}

#ifdef __cplusplus
}
#endif

/* This generation's, unless the program has those of another. */
#if !defined(OTAKIT_LINKKIT_V310_INFRA_COMPAT_H) && !defined(OTAKIT_LINKKIT_V23_IOT_EXPORT_H)
#include "infra_compat.h"
#endif

#endif /* OTAKIT_LINKKIT_INFRA_LIST_H */
