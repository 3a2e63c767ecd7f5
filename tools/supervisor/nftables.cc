#include "tools/supervisor/nftables.h"

#include <nftables/libnftables.h>

#include <algorithm>
#include <memory>

namespace gotthard::supervisor {
namespace {

struct FreeContext {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

Status run(const std::string& commands) {
  const std::unique_ptr<nft_ctx, FreeContext> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context) {
    return fail("nftables does not start: out of memory");
  }
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) != 0) {
    std::string why = nft_ctx_get_error_buffer(context.get());
    why.resize(std::min(why.find('\n'), why.size()));
    return fail("{}", why);
  }
  return {};
}

// Adding first makes it no error that there is none: `destroy` is newer than the oldest nftables
// that we run with.
std::string removal_of(const std::string& table) {
  return fmt::format("add table netdev {0}\ndelete table netdev {0}\n", table);
}

}  // namespace

std::string ingress_table_name(int device_index) {
  return fmt::format("gotthard_mute_{}", device_index);
}

Status drop_ingress(const std::string& table, const std::string& device, bool replace) {
  // One transaction: there is the old rule or the new one at any time.
  const std::string removal = replace ? removal_of(table) : "";
  return run(removal + fmt::format("create table netdev {0}\n"
                                   "create chain netdev {0} ingress {{ type filter hook ingress "
                                   "device \"{1}\" priority -500; policy drop; }}\n",
                                   table, device));
}

Status remove_table(const std::string& table) { return run(removal_of(table)); }

}  // namespace gotthard::supervisor
