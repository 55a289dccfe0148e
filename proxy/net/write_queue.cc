#include "proxy/net/write_queue.h"

#include <algorithm>
#include <cstring>

namespace breakwater {
namespace {

// A queue that is never quite empty must not grow at its head.
constexpr size_t kMostGone = 128;
constexpr size_t kKeptPieces = 4;

}  // namespace

bool WriteQueue::PushMessage(PacketBuffer message, size_t size) {
  Piece piece{std::move(message), size, {}, kFrameLengthSize};
  PutFrameLength(size, piece.prefix);
  return Push(std::move(piece));
}

bool WriteQueue::PushBytes(PacketBuffer bytes, size_t size) {
  return Push(Piece{std::move(bytes), size, {}, 0});
}

bool WriteQueue::Push(Piece piece) {
  if (held_bytes_ > max_held_bytes_) return false;
  bytes_ += piece.total();
  if (Append(piece)) return true;
  held_bytes_ += piece.buffer.capacity();
  pieces_.push_back(std::move(piece));
  return true;
}

// Behind the last piece where its buffer has room, so that many small messages in large buffers do
// not take many times their own size.
bool WriteQueue::Append(const Piece& piece) {
  if (first_ == pieces_.size()) return false;
  Piece& last = pieces_.back();
  if (last.buffer.capacity() - last.size < piece.total()) return false;
  uint8_t* const end = last.buffer.data() + last.size;
  std::copy_n(piece.prefix, piece.prefix_size, end);
  std::copy_n(piece.buffer.data(), piece.size, end + piece.prefix_size);
  last.size += piece.total();
  return true;
}

size_t WriteQueue::FillVectors(std::span<iovec> vectors) {
  size_t count = 0;
  size_t skip = first_offset_;
  for (size_t i = first_; i < pieces_.size() && count + 2 <= vectors.size(); ++i) {
    Piece& piece = pieces_[i];
    if (skip < piece.prefix_size) {
      vectors[count++] = {piece.prefix + skip, piece.prefix_size - skip};
      skip = piece.prefix_size;
    }
    const size_t offset = skip - piece.prefix_size;
    if (offset < piece.size) vectors[count++] = {piece.buffer.data() + offset, piece.size - offset};
    skip = 0;
  }
  return count;
}

size_t WriteQueue::CopyTo(std::span<uint8_t> room) {
  size_t copied = 0;
  size_t skip = first_offset_;
  const auto copy = [&](const uint8_t* from, size_t size) {
    const size_t skipped = std::min(skip, size);
    skip -= skipped;
    const size_t wanted = std::min(size - skipped, room.size() - copied);
    std::memcpy(room.data() + copied, from + skipped, wanted);
    copied += wanted;
  };
  for (size_t i = first_; i < pieces_.size() && copied < room.size(); ++i) {
    copy(pieces_[i].prefix, pieces_[i].prefix_size);
    copy(pieces_[i].buffer.data(), pieces_[i].size);
  }
  return copied;
}

void WriteQueue::Taken(size_t count) {
  bytes_ -= count;
  first_offset_ += count;
  while (first_ < pieces_.size() && first_offset_ >= pieces_[first_].total()) {
    first_offset_ -= pieces_[first_].total();
    held_bytes_ -= pieces_[first_].buffer.capacity();
    pieces_[first_++].buffer.Reset();
  }
  if (first_ == pieces_.size()) {
    pieces_.clear();
    if (pieces_.capacity() > kKeptPieces) std::vector<Piece>().swap(pieces_);
    first_ = 0;
  } else if (first_ >= kMostGone) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

}  // namespace breakwater
