#include "kernel/users/connection_table.h"

#include "kernel/arch/machine.h"
#include "kernel/console/console.h"
#include "kernel/memory/memory.h"

namespace vc::kernel {
namespace {

constinit Connections the_connections;

}  // namespace

Connections& connections() { return the_connections; }

bool Connections::open(std::uint32_t entries) {
  const ConnectionShape shape = ConnectionShape::of(entries, cpu_count());
  const Placement placement = can_spread() ? Placement::spread() : Placement::any();
  if (!table_memory_.open("connection table", Table::table_bytes(shape), placement)) return false;
  if (!lock_memory_.open("connection table's locks", Table::lock_bytes(shape))) {
    table_memory_.close();
    return false;
  }
  table_.open(shape, table_memory_.at(), lock_memory_.at(), Rank::users, "connections");
  return true;
}

void Connections::close() {
  if (!is_open()) return;
  table_.close();
  lock_memory_.close();
  table_memory_.close();
}

void Connections::print() {
  Line()
      .text("connection table: ")
      .number(table_.size())
      .text(" of ")
      .number(table_.shape().entries)
      .text(" connections, ")
      .number(table_.shape().buckets)
      .text(" buckets, ")
      .number(table_.shape().locks)
      .text(" locks, ")
      .size(table_memory_.size())
      .text(" ")
      .text(name_of(table_memory_.what().kind))
      .text(", locks ")
      .size(lock_memory_.size())
      .text(" ")
      .text(name_of(lock_memory_.what().kind));
}

}  // namespace vc::kernel
