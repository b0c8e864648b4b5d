// SPDX-License-Identifier: MIT OR Apache-2.0
// The second file of the program of inline_test.c: all headers again, as C++, next to headers of the C++ library that
// come after them. It calls functions that the C file defines, which links only if they are declared extern "C".
#include "all_headers.h"

#include <list>
#include <map>
#include <string>
#include <vector>

extern "C" int sum_in_cpp(void);

namespace {
struct Item {
    int value;
    struct list_head link;
};
} // namespace

extern "C" int sum_in_cpp(void)
{
    AOS_DLIST_HEAD(items);
    std::vector<Item> storage(3);
    Item *item;
    int sum = 0;
    int value = 1;

    for (Item &element : storage) {
        element.value = value;
        value *= 10;
        list_add_tail(&element.link, &items);
    }
    list_for_each_entry(item, &items, link, Item)
    {
        sum += item->value;
    }
    log_info("cpp", "%s has %d", std::string("list").c_str(), list_entry_number(&items));
    int *block = static_cast<int *>(LITE_malloc(sizeof(int)));
    if (block == nullptr || *block != 0) {
        return -1;
    }
    LITE_free(block);
    return block == nullptr ? sum : -1;
}
