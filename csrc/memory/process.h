// Settings of a whole process that make a good worker of it.
#pragma once

namespace fastload {

// malloc keeps large blocks instead of giving them back to the system at every free. For glibc; else nothing.
void keep_freed_memory() noexcept;

// The system kills this process when the thread that made it ends. For Linux; else nothing.
void die_with_parent();

}  // namespace fastload
