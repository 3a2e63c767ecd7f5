#include "control/uapi/language.h"

#include <cerrno>
#include <utility>

#include "base/log.h"

namespace gotthard::uapi {
namespace {

using control::ChangeRefused;

crypto::SecretString refuse(const ChangeRefused& why, bool get) {
  log::event(log::Level::warning, log::Subsystem::management, "uapi_refused",
             {{"errno", why.error}, {"reason", why.message}});
  return ending(get ? why.error : -why.error);
}

void answer(const Interface& interface, std::string_view text, const mgmt::Language::Reply& reply) {
  auto request = parse(text);
  if (!request) {
    reply(refuse(request.error(), text.starts_with("get")));
  } else if (std::holds_alternative<Get>(*request)) {
    reply(describe(interface.view()) + ending(0));
  } else {
    interface.apply(std::move(std::get<control::InterfaceChange>(*request)),
                    [reply](const tl::expected<void, ChangeRefused>& applied) {
                      reply(applied ? ending(0) : refuse(applied.error(), /*get=*/false));
                    });
  }
}

}  // namespace

mgmt::Language language(Interface interface) {
  return {.end = "\n\n",
          .longest_request = kMaxRequest,
          .answer = [interface = std::move(interface)](
                        std::string_view request,
                        const mgmt::Language::Reply& reply) { answer(interface, request, reply); },
          .refusal =
              [](const mgmt::Failure& failure) {
                const int error = failure.code == "not_permitted" ? EPERM
                                  : failure.code == "busy"        ? EBUSY
                                                                  : E2BIG;
                return ending(-error);
              }};
}

}  // namespace gotthard::uapi
