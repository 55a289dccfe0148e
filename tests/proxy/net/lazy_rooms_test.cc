#include "proxy/net/lazy_rooms.h"

#include <gtest/gtest.h>

#include <cstring>

namespace breakwater {
namespace {

TEST(LazyRooms, LargeOnesBeginAtAPageAndAreUsedAgain) {
  LazyRooms rooms(2);
  void* const first = rooms.Get(16400);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 4096, 0u);
  std::memset(first, 1, 16400);
  void* const second = rooms.Get(16400);
  EXPECT_NE(first, second);
  EXPECT_EQ(rooms.used(), 2u);
  rooms.Put(first);
  EXPECT_EQ(rooms.Get(9000), first);
  rooms.Put(first);
  rooms.Put(second);
  EXPECT_EQ(rooms.used(), 0u);
}

TEST(LazyRooms, HeapServesWhatIsSmallOrTooMuch) {
  LazyRooms rooms(1);
  void* const small = rooms.Get(100);
  void* const huge = rooms.Get(LazyRooms::kRoom + 1);
  EXPECT_EQ(rooms.used(), 0u);
  void* const room = rooms.Get(16400);
  void* const more = rooms.Get(16400);
  EXPECT_EQ(rooms.used(), 1u);
  std::memset(more, 2, 16400);
  for (void* memory : {small, huge, room, more}) rooms.Put(memory);
  rooms.Put(nullptr);
  EXPECT_EQ(rooms.used(), 0u);
}

TEST(LazyRooms, GrowingKeepsTheContent) {
  LazyRooms rooms(1);
  auto* const room = static_cast<uint8_t*>(rooms.Get(16400));
  room[0] = 7;
  EXPECT_EQ(rooms.Resize(room, 20000), room);
  auto* const larger = static_cast<uint8_t*>(rooms.Resize(room, 30000));
  EXPECT_EQ(larger[0], 7);
  EXPECT_EQ(rooms.used(), 0u);
  rooms.Put(rooms.Resize(larger, 40000));
  rooms.Put(rooms.Resize(nullptr, 10));
}

TEST(LazyRooms, WhatBeginsAsAResizeHasARoomToo) {
  LazyRooms rooms(1);
  void* const room = rooms.Resize(nullptr, 16400);
  EXPECT_EQ(rooms.used(), 1u);
  rooms.Put(room);
}

}  // namespace
}  // namespace breakwater
