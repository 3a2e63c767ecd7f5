// gotthard-perf: one verb a question.
#pragma once

namespace gotthard::perf {

// Exit status: 0 measured, 1 failed, 2 wrong call.
int run(int argc, const char* const* argv);

}  // namespace gotthard::perf
