// Exit statuses of the CLI, as --help lists them.
#pragma once

namespace gotthard::cli {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;       // wrong call, or a configuration that was refused
inline constexpr int kNotRunning = 3;  // no gateway there (`up`: one is there already)
inline constexpr int kTimeout = 4;

inline constexpr const char* kExitCodesHelp =
    "Exit status: 0 done; 1 failed; 2 wrong call or refused configuration; 3 no gateway runs "
    "there\n"
    "(for `up`: another one does); 4 not in time.";

}  // namespace gotthard::cli
